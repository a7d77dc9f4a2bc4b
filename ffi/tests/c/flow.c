/* From sign-up to the audit log through the C ABI.
 *
 * flow DATA_DIR: runs on SQLite in that folder; mails are read from DATA_DIR/mail, as a person would. */
#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wisdom.h"

#define CHECK(condition)                                                                       \
    do {                                                                                       \
        if (!(condition)) {                                                                    \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);            \
            exit(1);                                                                           \
        }                                                                                      \
        checks++;                                                                              \
    } while (0)

static int checks = 0;
static wisdom_client *client = NULL;

static wisdom_str str(const char *text) {
    wisdom_str s = {(const uint8_t *)text, strlen(text)};
    return s;
}

static char *copy(const uint8_t *bytes, size_t len) {
    char *text = malloc(len + 1);
    assert(text != NULL);
    if (len > 0) {
        memcpy(text, bytes, len);
    }
    text[len] = '\0';
    return text;
}

/* Runs an operation; the answer (or the error's JSON) is the caller's to free. */
static wisdom_status call(const char *op, const char *request, char **answer) {
    wisdom_buf out = {NULL, 0, 0};
    wisdom_error *err = NULL;
    wisdom_status status = wisdom_call(client, str(op), str(request), 0, &out, &err);
    if (status == WISDOM_OK) {
        CHECK(err == NULL);
        *answer = copy(out.ptr, out.len);
        wisdom_buf_free(&out);
        CHECK(out.ptr == NULL && out.len == 0);
    } else {
        CHECK(out.ptr == NULL && err != NULL && wisdom_error_status(err) == status);
        wisdom_str json = wisdom_error_json(err);
        *answer = copy(json.ptr, json.len);
        wisdom_error_free(err);
    }
    return status;
}

static char *must(const char *op, const char *request) {
    char *answer = NULL;
    wisdom_status status = call(op, request, &answer);
    if (status != WISDOM_OK) {
        fprintf(stderr, "%s answered %d: %s\n", op, (int)status, answer);
        exit(1);
    }
    return answer;
}

static void refused(const char *op, const char *request, wisdom_status expected, const char *code) {
    char *answer = NULL;
    wisdom_status status = call(op, request, &answer);
    if (status != expected || strstr(answer, code) == NULL) {
        fprintf(stderr, "%s: expected %d %s, got %d %s\n", op, (int)expected, code, (int)status, answer);
        exit(1);
    }
    checks++;
    free(answer);
}

/* The text member `name` of a JSON answer; the caller frees it. */
static char *member(const char *json, const char *name) {
    char key[64];
    snprintf(key, sizeof key, "\"%s\":\"", name);
    const char *at = strstr(json, key);
    if (at == NULL) {
        fprintf(stderr, "no member %s in %s\n", name, json);
        exit(1);
    }
    at += strlen(key);
    const char *end = strchr(at, '"');
    assert(end != NULL);
    return copy((const uint8_t *)at, (size_t)(end - at));
}

/* Waits for a mail to `to` whose text holds `Token: …` and returns the token of the newest one. */
static char *mailed_token(const char *data, const char *to) {
    char folder[512], path[1024], line[2048], best[512] = "", token[256] = "";
    snprintf(folder, sizeof folder, "%s/mail", data);
    for (int tries = 0; tries < 600 && token[0] == '\0'; tries++) {
        DIR *dir = opendir(folder);
        struct dirent *entry;
        while (dir != NULL && (entry = readdir(dir)) != NULL) {
            if (strstr(entry->d_name, ".eml") == NULL || strcmp(entry->d_name, best) < 0) {
                continue;
            }
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
            FILE *file = fopen(path, "r");
            int for_us = 0;
            char found[256] = "";
            while (file != NULL && fgets(line, sizeof line, file) != NULL) {
                if (strncmp(line, "To:", 3) == 0 && strstr(line, to) != NULL) {
                    for_us = 1;
                }
                if (strncmp(line, "Token: ", 7) == 0) {
                    sscanf(line + 7, "%255s", found);
                }
            }
            if (file != NULL) {
                fclose(file);
            }
            if (for_us && found[0] != '\0') {
                snprintf(best, sizeof best, "%s", entry->d_name);
                snprintf(token, sizeof token, "%s", found);
            }
        }
        if (dir != NULL) {
            closedir(dir);
        }
        if (token[0] == '\0') {
            usleep(50000);
        }
    }
    CHECK(token[0] != '\0');
    return copy((const uint8_t *)token, strlen(token));
}

static void misuse(void) {
    wisdom_buf out = {NULL, 0, 0};
    wisdom_error *err = NULL;
    wisdom_client *none = NULL;
    wisdom_str null_with_length = {NULL, 3};
    const uint8_t bad_utf8[] = {0xff, 0xfe};
    wisdom_str not_text = {bad_utf8, sizeof bad_utf8};

    CHECK(wisdom_open(WISDOM_ABI_VERSION + 1, str(""), 0, &none, &err) == WISDOM_VERSION && none == NULL);
    wisdom_error_free(err);
    CHECK(wisdom_open(WISDOM_ABI_VERSION, str("{\"storge\":{}}"), 1, &none, &err) == WISDOM_CONFIG);
    wisdom_str message = wisdom_error_message(err);
    char *text = copy(message.ptr, message.len);
    CHECK(strstr(text, "did you mean `storage`") != NULL);
    free(text);
    wisdom_error_free(err);
    CHECK(wisdom_open(WISDOM_ABI_VERSION, str(""), 7, &none, NULL) == WISDOM_INVALID_ARGUMENT);
    CHECK(wisdom_open(WISDOM_ABI_VERSION, null_with_length, 0, &none, NULL) == WISDOM_INVALID_ARGUMENT);
    CHECK(wisdom_open(WISDOM_ABI_VERSION, str(""), 0, NULL, NULL) == WISDOM_INVALID_ARGUMENT);
    CHECK(wisdom_call(client, null_with_length, str("{}"), 0, &out, NULL) == WISDOM_INVALID_ARGUMENT);
    CHECK(wisdom_call(client, not_text, str("{}"), 0, &out, NULL) == WISDOM_INVALID_ARGUMENT);
    CHECK(wisdom_call(client, str("auth.me"), not_text, 0, &out, NULL) == WISDOM_INVALID_ARGUMENT);
    CHECK(wisdom_call(client, str("auth.me"), str("{}"), 0, NULL, NULL) == WISDOM_INVALID_ARGUMENT);
    CHECK(wisdom_call(NULL, str("auth.me"), str("{}"), 0, &out, NULL) == WISDOM_CLOSED);
    CHECK(wisdom_token_check(NULL, str("x")) == WISDOM_CLOSED);
    CHECK(wisdom_token_check(client, null_with_length) == WISDOM_INVALID_ARGUMENT);
    CHECK(wisdom_token_check(client, str("")) == WISDOM_UNAUTHENTICATED);
    CHECK(wisdom_in_flight(client) == 0 && wisdom_in_flight(NULL) == 0);
    refused("no.such.operation", "{}", WISDOM_NOT_FOUND, "operation.unknown");
    refused("events.outbox.sweep", "{}", WISDOM_NOT_FOUND, "operation.unknown");
    refused("auth.me", "{}", WISDOM_UNAUTHENTICATED, "unauthenticated");
    refused("auth.me", "{\"input\":", WISDOM_INVALID_ARGUMENT, "json.syntax");
    refused("auth.me", "{\"inputs\":{}}", WISDOM_INVALID_ARGUMENT, "inputs");
    wisdom_error_free(NULL);
    wisdom_buf_free(NULL);
    wisdom_free(NULL);
    CHECK(wisdom_error_status(NULL) == WISDOM_OK && wisdom_error_code(NULL).len == 0);
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    const char *data = argv[1];
    char config[1024], request[4096];

    CHECK(wisdom_abi_version() == WISDOM_ABI_VERSION);
    CHECK(strcmp(wisdom_version(), "0.1.0") == 0);

    snprintf(config, sizeof config,
             "{\"data_dir\":\"%s\",\"auth\":{\"password\":{\"memory_kib\":7168,\"passes\":5}},"
             "\"runtime\":{\"worker_threads\":2}}",
             data);
    wisdom_buf out = {NULL, 0, 0};
    CHECK(wisdom_config_check(str(config), 1, &out, NULL) == WISDOM_OK && out.len > 0);
    wisdom_buf_free(&out);
    wisdom_error *err = NULL;
    if (wisdom_open(WISDOM_ABI_VERSION, str(config), 1, &client, &err) != WISDOM_OK) {
        wisdom_str message = wisdom_error_message(err);
        fprintf(stderr, "open: %.*s\n", (int)message.len, (const char *)message.ptr);
        return 1;
    }
    CHECK(wisdom_health(client, &out, NULL) == WISDOM_OK);
    wisdom_buf_free(&out);
    CHECK(wisdom_describe(client, &out, NULL) == WISDOM_OK && out.len > 1000);
    wisdom_buf_free(&out);
    misuse();

    free(must("auth.sign_up", "{\"input\":{\"email\":\"ada@acme.example\",\"password\":\"violet harbour seven lanterns\","
                              "\"display_name\":\"Ada\",\"tenant_name\":\"Acme\"}}"));
    char *session = must("auth.session.log_in", "{\"input\":{\"email\":\"ada@acme.example\","
                                                "\"password\":\"violet harbour seven lanterns\"}}");
    char *token = member(session, "access_token");
    char *refresh = member(session, "refresh_token");
    CHECK(wisdom_token_check(client, str(token)) == WISDOM_OK);
    refused("auth.session.log_in", "{\"input\":{\"email\":\"ada@acme.example\",\"password\":\"wrong harbour seven lanterns\"}}",
            WISDOM_UNAUTHENTICATED, "credentials.invalid");

    snprintf(request, sizeof request, "{\"token\":\"%s\"}", token);
    char *tenants = must("tenancy.tenant.list", request);
    const char *at = strstr(tenants, "\"tnt_");
    CHECK(at != NULL);
    char tenant[64];
    CHECK(sscanf(at, "\"%63[a-z0-9_]\"", tenant) == 1);

    snprintf(request, sizeof request,
             "{\"token\":\"%s\",\"tenant\":\"%s\",\"idempotency_key\":\"invite-1\","
             "\"input\":{\"email\":\"bob@acme.example\",\"role\":\"member\"}}",
             token, tenant);
    char *first = must("tenancy.invitation.create", request);
    char *second = must("tenancy.invitation.create", request);
    CHECK(strcmp(first, second) == 0);
    char *invitation = mailed_token(data, "bob@acme.example");
    snprintf(request, sizeof request,
             "{\"input\":{\"token\":\"%s\",\"password\":\"another long passphrase\",\"display_name\":\"Bob\"}}", invitation);
    free(must("tenancy.invitation.accept_and_register", request));

    snprintf(request, sizeof request,
             "{\"token\":\"%s\",\"tenant\":\"%s\",\"input\":{\"url\":\"https://hooks.acme.example/in\"}}", token, tenant);
    char *endpoint = must("webhooks.endpoint.create", request);
    CHECK(strstr(endpoint, "whsec_") != NULL);

    snprintf(request, sizeof request, "{\"token\":\"%s\",\"tenant\":\"%s\"}", token, tenant);
    char *members = must("tenancy.member.list", request);
    CHECK(strstr(members, "bob@acme.example") != NULL);
    char *audit = must("audit.entry.list", request);
    CHECK(strstr(audit, "tenancy.invitation.create") != NULL);
    CHECK(strstr(audit, "webhooks.endpoint.create") != NULL);

    snprintf(request, sizeof request, "{\"input\":{\"refresh_token\":\"%s\"}}", refresh);
    char *renewed = must("auth.session.refresh", request);
    char *newer = member(renewed, "access_token");
    snprintf(request, sizeof request, "{\"token\":\"%s\"}", newer);
    free(must("auth.session.log_out", request));
    CHECK(wisdom_token_check(client, str(newer)) == WISDOM_UNAUTHENTICATED);
    CHECK(wisdom_token_check(client, str(token)) == WISDOM_UNAUTHENTICATED);

    char *all[] = {session, token, refresh, tenants, first, second, invitation, endpoint, members, audit, renewed, newer};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        free(all[i]);
    }

    CHECK(wisdom_close(client, 5000, NULL) == WISDOM_OK);
    CHECK(wisdom_close(client, 5000, NULL) == WISDOM_OK);
    CHECK(wisdom_call(client, str("auth.me"), str("{}"), 0, &out, NULL) == WISDOM_CLOSED);
    wisdom_free(client);
    CHECK(wisdom_call(client, str("auth.me"), str("{}"), 0, &out, NULL) == WISDOM_CLOSED);
    wisdom_free(client);
    printf("%d checks passed\n", checks);
    return 0;
}
