// What one call after the other takes, with one reused libcurl handle: straight to an upstream, or
// through the service. The same program measures both, so its own cost cancels.
//
// Usage: miss URL_PREFIX FIRST COUNT [HEADER]
//
// The ids are twelve hexadecimal digits behind the prefix, counting up from FIRST. Prints the
// microseconds of every call, one a line; a call that is not answered with 200 ends the program.

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static size_t drop(char *bytes, size_t size, size_t count, void *nothing) {
    (void)bytes, (void)nothing;
    return size * count;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

int main(int count, char **arguments) {
    if (count < 4) {
        fprintf(stderr, "usage: miss URL_PREFIX FIRST COUNT [HEADER]\n");
        return 64;
    }
    long first = atol(arguments[2]), calls = atol(arguments[3]);
    CURL *easy = curl_easy_init();
    struct curl_slist *headers = count > 4 ? curl_slist_append(NULL, arguments[4]) : NULL;
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT, 30L);
    // The first call opens the connection and is not told.
    for (long call = 0; call <= calls; call++) {
        char url[512];
        long status = 0;
        snprintf(url, sizeof url, "%s%012lx", arguments[1], first + call);
        curl_easy_setopt(easy, CURLOPT_URL, url);
        double began = now();
        CURLcode result = curl_easy_perform(easy);
        double took = now() - began;
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        if (result != CURLE_OK || status != 200) {
            fprintf(stderr, "miss: %s: %s, status %ld\n", url, curl_easy_strerror(result), status);
            return 1;
        }
        if (call > 0) printf("%.1f\n", took);
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(easy);
    return 0;
}
