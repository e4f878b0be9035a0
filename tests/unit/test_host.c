/* Which values of the header Host are ours. */
#include "serve/host.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const struct {
    const char *host, *origin;
    bool ours;
} rows[] = {
    {"127.0.0.1", NULL, true},
    {"127.0.0.1:8080", NULL, true},
    {"192.168.7.7:80", NULL, true}, /* a name is what can be rebound; an address is where the browser went */
    {"0.0.0.0:8080", NULL, true},
    {"[::1]", NULL, true},
    {"[::1]:8080", NULL, true},
    {"[2001:db8::7]:1", NULL, true},
    {"localhost", NULL, true},
    {"LocalHost:8080", NULL, true},
    {"localhost.", NULL, true},
    {"localhost:", NULL, true}, /* an empty port is the scheme's */
    {"evil.example", NULL, false},
    {"evil.example:8080", NULL, false},
    {"localhost.evil.example", NULL, false},
    {"evil.localhost.example", NULL, false},
    {"127.0.0.1.evil.example", NULL, false},
    {"127.0.0.1@evil.example", NULL, false},
    {"127.1", NULL, false}, /* browsers write addresses out */
    {"2130706433", NULL, false},
    {"127.0.0.1:80:80", NULL, false},
    {"127.0.0.1:80x", NULL, false},
    {"127.0.0.1 ", NULL, false},
    {"::1", NULL, false},
    {"[::1", NULL, false},
    {"[::1]x", NULL, false},
    {"[localhost]", NULL, false},
    {"[]", NULL, false},
    {"", NULL, false},
    {".", NULL, false},
    {":80", NULL, false},
    {",", "http://a", false},
    {"models.lan", "http://models.lan", true},
    {"Models.LAN.:8080", "https://models.lan:8080", true},
    {"models.lan", "http://models.lan:8080", true}, /* a port is no name */
    {"models.la", "http://models.lan", false},
    {"models.lan.x", "http://models.lan", false},
    {"models.lan", "models.lan", false}, /* no origin */
    {"x", "", false},
    {"x", "http://", false},
    {"anything", "*", true},
    {"*", "http://a", false},
};

static void hosts_by_hand(void **state)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (lace_host_is_ours(rows[i].host, "127.0.0.1", rows[i].origin) != rows[i].ours)
            fail_msg("\"%s\" is %sours", rows[i].host, rows[i].ours ? "not " : "");
    char longest[600] = {0};
    memset(longest, 'a', sizeof longest - 1);
    assert_false(lace_host_is_ours(longest, longest, NULL)); /* no name has so many bytes */
    assert_true(lace_host_is_ours("models.lan:8080", "Models.lan", NULL));
    assert_false(lace_host_is_ours("evil.example", "models.lan", "http://page.example"));
    assert_false(lace_host_is_ours("evil.example", NULL, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(hosts_by_hand)};
    return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}
