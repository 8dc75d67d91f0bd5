// SPDX-License-Identifier: EUPL-1.2
// The gateway that appends JSON lines: each message is a line of its own, whatever was in the file before.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "sms/gateway.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/duongthu-gateway-XXXXXX";

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static void on_sent(void *owner, const struct gateway_answer *answer)
{
    *(enum sms_answer *)owner = answer->answer;
}

// Puts `before` into the file, sends one message, and reads the file.
static void send_after(const char *before, char *ret_text, size_t cap)
{
    static const struct gateway_message message = {.reference = "01a2005d-947f-7883-9e1b-7423618884f0",
                                                   .to = "+84900000001",
                                                   .text = "Ho so da den.",
                                                   .name = "T4"};
    const struct gateway_options options = {.kind = "file", .file = path, .window = 1};
    enum sms_answer answer = SMS_ANSWER_LOST;
    struct gateway *gateway;
    char error[200];
    uv_loop_t loop;
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(before, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(gateway_create(&loop, &options, &gateway, error, sizeof error), ERR_OK);
    assert_int_equal(gateway_send(gateway, &message, on_sent, &answer), ERR_OK);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(answer, SMS_ANSWER_ACCEPTED);
    gateway_close(gateway, free, NULL);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&loop), 0);
    f = fopen(path, "r");
    assert_non_null(f);
    ret_text[fread(ret_text, 1, cap - 1, f)] = '\0';
    assert_int_equal(fclose(f), 0);
}

static void a_line_follows_a_line(void **state)
{
    (void)state;
    char text[2000];
    send_after("", text, sizeof text);
    assert_int_equal(strncmp(text, "{\"at\":", 6), 0);
    send_after("{\"at\":1}\n", text, sizeof text);
    assert_int_equal(strncmp(text, "{\"at\":1}\n{\"at\":", 15), 0);
    assert_string_equal(text + strlen(text) - 2, "}\n");
}

// The disk was full in the middle of a line: who reads the file must not lose the next message with it.
static void a_torn_line_does_not_swallow_the_next(void **state)
{
    (void)state;
    char text[2000];
    send_after("{\"at\":1}\n{\"at\":\"20", text, sizeof text);
    assert_non_null(strstr(text, "{\"at\":\"20\n{\"at\":"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_follows_a_line),
        cmocka_unit_test(a_torn_line_does_not_swallow_the_next),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
