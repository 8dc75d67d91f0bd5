// SPDX-License-Identifier: EUPL-1.2
// A small disk of its own: an ext4 image behind a loop device, which a test may fill to the last block. Needs root.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const disks = new Set();
process.on('exit', () => disks.forEach((disk) => disk.unmount('--lazy')));

// Why there can be none here, or null.
export const whyNoDisk = () => (process.getuid() === 0 ? null : 'a disk of its own needs root');

export class Disk {
    // Mounted at `path`, which it makes.
    constructor(path, megabytes) {
        this.path = path;
        this.image = `${path}.image`;
        writeFileSync(this.image, '');
        truncateSync(this.image, megabytes * 2 ** 20);
        execFileSync('mkfs.ext4', ['-q', '-F', '-m', '0', this.image]);
        mkdirSync(path);
        execFileSync('mount', ['-o', 'loop', this.image, path]);
        disks.add(this);
    }

    get free() {
        const { bavail, bsize } = statfsSync(this.path);
        return bavail * bsize;
    }

    // Takes every block that is free at this moment → bytes taken.
    fill() {
        let taken = 0;
        for (let size = this.free, n = 0; size >= 4_096; n++) {
            try {
                execFileSync('fallocate', ['-l', String(size), join(this.path, `ballast-${n}`)], { stdio: 'ignore' });
                taken += size;
            } catch {
                rmSync(join(this.path, `ballast-${n}`), { force: true });
                size /= 2;
            }
            size = Math.floor(Math.min(size, this.free) / 4_096) * 4_096;
        }
        return taken;
    }

    relieve() {
        for (let n = 0; n < 100; n++)
            rmSync(join(this.path, `ballast-${n}`), { force: true });
    }

    unmount(...options) {
        if (disks.delete(this))
            execFileSync('umount', [...options, this.path]);
    }
}
