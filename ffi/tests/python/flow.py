"""From sign-up to the audit log through the C ABI, with nothing but ctypes.

flow.py LIBRARY: runs once in memory and once on SQLite in a folder of its own.
"""

import ctypes
import glob
import json
import os
import sys
import tempfile
import threading
import time

OK, CONFIG, UNAUTHENTICATED, NOT_FOUND, CLOSED, FORKED = 0, 2, 4, 6, 14, 15


class Str(ctypes.Structure):
    _fields_ = [("ptr", ctypes.c_char_p), ("len", ctypes.c_size_t)]


class Buf(ctypes.Structure):
    _fields_ = [("ptr", ctypes.c_void_p), ("len", ctypes.c_size_t), ("reserved", ctypes.c_size_t)]


def text(value):
    data = value.encode()
    return Str(data, len(data))


class Refused(Exception):
    def __init__(self, status, problem):
        super().__init__(f"{status}: {problem}")
        self.status, self.problem = status, problem


class Wisdom:
    """What a thin wrapper needs: a library, a handle, and JSON."""

    def __init__(self, library, config):
        self.lib = lib = ctypes.CDLL(library)
        err = ctypes.POINTER(ctypes.c_void_p)
        lib.wisdom_open.argtypes = [ctypes.c_uint32, Str, ctypes.c_uint32, err, err]
        lib.wisdom_call.argtypes = [ctypes.c_void_p, Str, Str, ctypes.c_uint32, ctypes.POINTER(Buf), err]
        lib.wisdom_token_check.argtypes = [ctypes.c_void_p, Str]
        lib.wisdom_error_json.argtypes = [ctypes.c_void_p]
        lib.wisdom_error_json.restype = Str
        lib.wisdom_error_free.argtypes = [ctypes.c_void_p]
        lib.wisdom_buf_free.argtypes = [ctypes.POINTER(Buf)]
        lib.wisdom_free.argtypes = [ctypes.c_void_p]
        lib.wisdom_version.restype = ctypes.c_char_p
        self.client, error = ctypes.c_void_p(), ctypes.c_void_p()
        status = lib.wisdom_open(lib.wisdom_abi_version(), text(config), 0, ctypes.byref(self.client), ctypes.byref(error))
        if status != OK:
            raise Refused(status, self._problem(error))

    def _problem(self, error):
        shown = self.lib.wisdom_error_json(error)
        problem = json.loads(ctypes.string_at(shown.ptr, shown.len))
        self.lib.wisdom_error_free(error)
        return problem

    def call(self, op, input=None, **envelope):
        out, error = Buf(), ctypes.c_void_p()
        request = json.dumps({**envelope, "input": input or {}})
        status = self.lib.wisdom_call(self.client, text(op), text(request), 0, ctypes.byref(out), ctypes.byref(error))
        if status != OK:
            raise Refused(status, self._problem(error))
        answer = json.loads(ctypes.string_at(out.ptr, out.len))
        self.lib.wisdom_buf_free(ctypes.byref(out))
        return answer

    def check(self, token):
        return self.lib.wisdom_token_check(self.client, text(token))

    def free(self):
        self.lib.wisdom_free(self.client)


def refused(status, code, act):
    try:
        act()
    except Refused as refusal:
        assert refusal.status == status and refusal.problem["code"] == code, refusal
    else:
        raise AssertionError(f"expected {status} {code}")


def mailed_token(folder, to):
    for _ in range(600):
        for path in sorted(glob.glob(os.path.join(folder, "*.eml")), reverse=True):
            mail = open(path, encoding="utf-8").read()
            if to in mail:
                tokens = [line[7:].strip() for line in mail.splitlines() if line.startswith("Token: ")]
                if tokens:
                    return tokens[0]
        time.sleep(0.05)
    raise AssertionError(f"no mail to {to}")


FAST = {"password": {"memory_kib": 7168, "passes": 5}}


def sign_in(wisdom, email, password):
    return wisdom.call("auth.session.log_in", {"email": email, "password": password})


def flow(wisdom, mail):
    password = "violet harbour seven lanterns"
    wisdom.call("auth.sign_up", {"email": "ada@acme.example", "password": password, "display_name": "Ada", "tenant_name": "Acme"})
    ada = sign_in(wisdom, "ada@acme.example", password)
    token = ada["access_token"]
    assert wisdom.check(token) == OK and wisdom.check(token + "x") == UNAUTHENTICATED
    assert wisdom.call("auth.me", token=token)["user"] == ada["user"]
    tenant = wisdom.call("tenancy.tenant.list", token=token)["items"][0]["tenant"]["id"]
    here = {"token": token, "tenant": tenant}

    wisdom.call("tenancy.invitation.create", {"email": "bob@acme.example", "role": "member"}, **here)
    if mail:
        invitation = mailed_token(mail, "bob@acme.example")
        wisdom.call(
            "tenancy.invitation.accept_and_register",
            {"token": invitation, "password": "another long passphrase", "display_name": "Bob"},
        )
        bob = sign_in(wisdom, "bob@acme.example", "another long passphrase")
        refused(5, "forbidden", lambda: wisdom.call("audit.entry.list", token=bob["access_token"], tenant=tenant))
        members = wisdom.call("tenancy.member.list", **here)["items"]
        member = next(m for m in members if m["user"] == bob["user"])
        wisdom.call("tenancy.member.change_role", {"member": member["id"], "role": "admin"}, **here)
        actions = [e["action"] for e in wisdom.call("audit.entry.list", token=bob["access_token"], tenant=tenant)["items"]]
        assert "tenancy.member.change_role" in actions, actions

    wisdom.call("webhooks.endpoint.create", {"url": "https://hooks.acme.example/in"}, **here)
    page = wisdom.call("audit.entry.list", {"page": {"limit": 1}}, **here)
    assert len(page["items"]) == 1 and page["next"]
    refused(1, "cursor.invalid", lambda: wisdom.call("audit.entry.list", {"page": {"cursor": page["next"][:-2]}}, **here))
    refused(6, "not_found", lambda: wisdom.call("tenancy.member.list", token=token, tenant="tnt_00000000000000000000000000"))

    # Threads share one client.
    failures = []

    def hammer():
        for _ in range(50):
            if wisdom.call("auth.me", token=token)["user"] != ada["user"]:
                failures.append("me")

    threads = [threading.Thread(target=hammer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures

    # A child of fork is told so, and does not hang.
    child = os.fork()
    if child == 0:
        try:
            refused(FORKED, "client.forked", lambda: wisdom.call("auth.me", token=token))
            wisdom.free()
            os._exit(0)
        except BaseException:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0

    renewed = wisdom.call("auth.session.refresh", {"refresh_token": ada["refresh_token"]})
    wisdom.call("auth.session.log_out", token=renewed["access_token"])
    assert wisdom.check(renewed["access_token"]) == UNAUTHENTICATED
    wisdom.free()
    refused(CLOSED, "client.closed", lambda: wisdom.call("auth.me"))


def main():
    library = sys.argv[1]
    refused(CONFIG, "config.invalid", lambda: Wisdom(library, '{"auth": {"audiance": "x"}}'))
    memory = {
        "storage": {"url": "memory:"}, "email": {"url": "memory:"}, "blob": {"url": "memory:"},
        "auth": {"keys": "memory:", **FAST},
    }
    flow(Wisdom(library, json.dumps(memory)), None)
    with tempfile.TemporaryDirectory() as folder:
        flow(Wisdom(library, json.dumps({"data_dir": folder, "auth": FAST})), os.path.join(folder, "mail"))
    print("2 flows passed")


main()
