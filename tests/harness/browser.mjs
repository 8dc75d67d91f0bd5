// SPDX-License-Identifier: EUPL-1.2
// Debian's Chromium, without a window and without a word to the outside; and axe, which finds what shuts people out.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export const PATIENCE_MS = 120_000; // with a browser on a slow machine

// → playwright's Browser; close() it.
export function openBrowser() {
    return chromium.launch({
        timeout: PATIENCE_MS,
        executablePath: '/usr/bin/chromium',
        chromiumSandbox: process.getuid() !== 0, // the sandbox refuses to start for root
        args: ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
            '--disable-sync'],
    });
}

// What axe holds against a page, as lines to read: WCAG 2.2 A and AA.
export async function barriers(page) {
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() =>
        globalThis.axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }));
    return violations.flatMap(({ id, help, nodes }) => nodes.map((node) => `${id}: ${help}: ${node.html}`));
}
