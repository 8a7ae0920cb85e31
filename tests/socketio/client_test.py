"""The Socket.IO door with the official client for Python, as it is, over both transports and with both serializers."""

import os
import queue
import re
import subprocess
import time
import unittest

import socketio

SERVER = os.environ["CHAT_SERVER"]
PATIENCE = 25


class Server:
    """A chat server of one's own."""

    def __init__(self, port=0, **env):
        command = [SERVER, "--database", ":memory:", "--port", str(port)]
        self.process = subprocess.Popen(
            command, env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        for line in self.process.stdout:
            if found := re.match(r"listening on (http://.*:(\d+))$", line):
                self.url, self.port = found[1], int(found[2])
                return
        raise AssertionError("the server did not start")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def client(server, transports, packed=False, **options):
    """A connected client, and a queue of what it is told."""
    made = socketio.Client(
        serializer="msgpack" if packed else "default", reconnection_delay=0.05, reconnection_delay_max=0.2
    )
    told = queue.Queue()
    made.on("*", lambda event, *data: told.put((event, *data)))
    path = "socket.io/msgpack" if packed else "socket.io"
    made.connect(server.url, transports=transports, socketio_path=path, wait_timeout=PATIENCE, **options)
    return made, told


def ask(made, event, argument):
    return made.call(event, argument, timeout=PATIENCE)


def call(made, model, operation, **rest):
    return ask(made, "call", {"model": model, "operation": operation, **rest})


KINDS = {
    "websocket": (["websocket"], False),
    "polling": (["polling"], False),
    "polling, then websocket": (None, False),
    "msgpack over websocket": (["websocket"], True),
    "msgpack over polling": (["polling"], True),
}


class EveryKind(unittest.TestCase):
    def setUp(self):
        self.passed = {}

    @classmethod
    def setUpClass(cls):
        cls.server = Server()

    @classmethod
    def tearDownClass(cls):
        cls.server.kill()

    def each(self):
        for kind, (transports, packed) in KINDS.items():
            with self.subTest(kind):
                made, told = client(self.server, transports, packed)
                try:
                    call(made, "system/users", "clear")
                    call(made, "chat/messages", "clear")
                    yield made, told, (transports, packed)
                finally:
                    made.disconnect()

    def test_operations_are_acknowledged(self):
        for made, _, _ in self.each():
            ada = call(made, "system/users", "insert", data={"email": "ada@example.org", "password": "x", "age": 36})["data"]
            self.assertEqual((ada["_version"], ada["age"]), (1, 36))
            self.assertNotIn("password", ada)
            self.assertEqual(call(made, "system/users", "get", query={"_id": ada["_id"]})["data"], ada)
            updated = call(made, "system/users", "update", query={"_id": ada["_id"]}, data={"age": 37})["data"]
            self.assertEqual(updated["_version"], 2)
            self.assertEqual(call(made, "system/users", "count", query={"age": {"$gte": 37}})["data"], 1)
            self.assertEqual(call(made, "system/users", "grownUp", data={"age": 18})["data"], ["ada@example.org"])
            both = [
                {"op": "delete", "model": "system/users", "query": {"_id": ada["_id"]}},
                {"op": "insert", "model": "chat/messages", "data": {"text": "é 🙂"}},
            ]
            results = ask(made, "transaction", {"operations": both})["data"]["results"]
            self.assertEqual((results[0]["data"], results[1]["data"]["text"]), ({"deleted": True}, "é 🙂"))

    def test_errors_are_acknowledged(self):
        for made, _, _ in self.each():
            invalid = call(made, "system/users", "insert", data={"email": "nobody"})["error"]
            self.assertEqual((invalid["code"], invalid["status"]), ("VALIDATION_ERROR", 400))
            self.assertEqual(invalid["errors"][0]["instancePath"], "/email")
            self.assertEqual(call(made, "system/nobody", "get")["error"]["code"], "MODEL_NOT_FOUND")
            self.assertEqual(ask(made, "nothing", {})["error"]["code"], "EVENT_NOT_FOUND")
            self.assertEqual(ask(made, "call", b"bytes")["error"]["code"], "INVALID_REQUEST")
            self.assertEqual(ask(made, "call", None)["error"]["code"], "INVALID_REQUEST")
            broken = call(made, "system/users", "fail", data={"how": "secret words"})["error"]
            self.assertEqual(broken["code"], "INTERNAL_ERROR")
            self.assertNotIn("secret", str(broken))

    def test_subscriptions_are_rooms(self):
        # RTE-01, RTE-06, RTE-10
        for made, told, (transports, packed) in self.each():
            other, others = client(self.server, transports, packed)
            try:
                scope = {"model": "chat/messages", "query": {"roomId": "py"}}
                room = ask(made, "subscribe", scope)["data"]["id"]
                self.assertEqual(ask(other, "subscribe", scope)["data"]["id"], room)
                answer = ask(made, "dispatch", {"id": room, "event": "sendMessage", "data": {"text": "hello"}})
                self.assertEqual(answer, {"data": {"delivered": True}})
                expected = ("publish", {"id": room, "data": {"said": "hello", "scope": {"roomId": "py"}}})
                self.assertEqual(told.get(timeout=PATIENCE), expected)
                self.assertEqual(others.get(timeout=PATIENCE), expected)
                self.assertEqual(ask(other, "unsubscribe", {"id": room}), {"data": True})
                self.assertEqual(call(made, "chat/messages", "closeRoom", data={"room": "py"})["data"], True)
                self.assertEqual(told.get(timeout=PATIENCE), ("ended", {"id": room}))
                self.assertTrue(others.empty())
            finally:
                other.disconnect()

    def test_live_queries_tell_of_changes(self):
        for made, told, _ in self.each():
            begun = ask(made, "live", {"model": "system/users", "query": {"age": {"$gte": 18}}})["data"]
            self.assertEqual(begun["documents"], [])
            ada = call(made, "system/users", "insert", data={"email": "ada@example.org", "age": 36})["data"]
            event, change = told.get(timeout=PATIENCE)
            self.assertEqual((event, change["id"]), ("live", begun["id"]))
            self.assertEqual(change["changes"], [{"type": "enter", "_id": ada["_id"], "document": ada}])
            self.assertEqual(ask(made, "unsubscribe", {"id": begun["id"]}), {"data": True})
            call(made, "system/users", "clear")
            missed = ask(made, "live", {"model": "system/users", "query": {"age": {"$gte": 18}}, "from": change["position"]})
            self.assertEqual([one["type"] for one in missed["data"]["changes"]], ["leave"])
            self.assertTrue(told.empty())

    def heard(self, told, name):
        """The first thing of this name, whatever comes before it. (This library may swap things that come one right after the other.)"""
        passed = self.passed.setdefault(told, [])
        while (thing := next((one for one in passed if one[0] == name), None)) is None:
            passed.append(told.get(timeout=PATIENCE))
        passed.remove(thing)
        return thing[1]

    def test_channels_have_broadcasts_presence_and_changes(self):
        # CHA-01, CHA-02, CHA-06, CHA-07, CHA-10, CHA-16, CHA-17, CHA-20
        for made, told, (transports, packed) in self.each():
            other, others = client(self.server, transports, packed)
            try:
                room = {"channel": f"room:{transports}:{packed}"}
                joined = ask(made, "realtime:subscribe", {**room, "config": {"broadcast": {"self": False}}})
                self.assertEqual((joined["status"], joined["channel"]), ("ok", room["channel"]))
                ask(other, "realtime:subscribe", {**room, "config": {"presence": {"key": "py"}}})
                acked = ask(made, "realtime:publish", {**room, "event": "said", "payload": {"é": [1, None]}})
                said = self.heard(others, "realtime:broadcast")
                self.assertEqual((said["event"], said["payload"]), ("said", {"é": [1, None]}))
                self.assertEqual(said["meta"]["message_id"], acked["message_id"])
                self.assertEqual(ask(other, "realtime:track", {**room, "state": 1})["tracked"], "joined")
                self.assertEqual(ask(other, "realtime:track", {**room, "state": 2})["tracked"], "updated")
                self.assertEqual(list(self.heard(told, "presence_join")["joins"]), ["py"])
                self.assertEqual(self.heard(told, "presence_update")["updates"]["py"][0]["state"], 2)
                changes = ask(made, "realtime:postgres_changes:subscribe", {**room, "event": "INSERT", "table": "users"})
                call(made, "system/users", "insert", data={"email": "py@example.org"})
                change = self.heard(told, "realtime:postgres_changes")
                self.assertEqual(change["subscription_id"], changes["subscription_id"])
                self.assertEqual(change["payload"]["new"]["email"], "py@example.org")
                data = {"channel": room["channel"], "private": False, "kept": True, "count": 2, "size": 1}
                call(other, "chat/messages", "shout", data=data)
                both = [self.heard(told, "realtime:broadcast") for _ in range(2)]
                first = min(both, key=lambda message: message["payload"]["number"])
                replayed = ask(made, "realtime:replay", {**room, "since": first["meta"]["position"]})
                self.assertEqual((replayed["count"], replayed["complete"]), (1, True))
                self.assertEqual(self.heard(told, "realtime:broadcast")["payload"]["number"], 1)
                refused = ask(made, "realtime:publish", {"channel": "room:none", "event": "said"})
                self.assertEqual((refused["status"], refused["error"]["code"]), ("error", "NOT_FOUND"))
                made.emit("realtime:publish", {"channel": "room:none", "event": "said"})
                self.assertEqual(self.heard(told, "realtime:error")["channel"], "room:none")
                # (Over a WebSocket this library may hang up before its goodbye is sent, so that it would be away for a while first.)
                self.assertEqual(ask(other, "realtime:untrack", room)["untracked"], True)
                self.assertEqual(list(self.heard(told, "presence_leave")["leaves"]), ["py"])
                self.assertEqual(ask(made, "realtime:unsubscribe", room)["unsubscribed"], True)
            finally:
                other.disconnect()

    def test_bytes_arrive_as_base64(self):
        for made, _, _ in self.each():
            stored = call(made, "chat/messages", "insert", data={"text": b"\x01\x02\x03"})
            self.assertEqual(stored["data"]["text"], "AQID")

    def test_large_answers_arrive(self):
        for made, _, _ in self.each():
            self.assertEqual(len(call(made, "system/users", "much", data={"size": 2_000_000})["data"]), 2_000_000)


class Connection(unittest.TestCase):
    def test_a_client_comes_back_by_itself(self):
        for transports in (["websocket"], ["polling"]):
            first = Server()
            made, _ = client(first, transports)
            ask(made, "subscribe", {"model": "chat/messages", "query": {}})
            first.kill()
            second = Server(port=first.port)
            try:
                for _ in range(20 * PATIENCE):
                    if made.connected:
                        try:
                            self.assertEqual(call(made, "chat/messages", "count"), {"data": 0})
                            break
                        except (socketio.exceptions.SocketIOError, AssertionError):
                            pass
                    time.sleep(0.05)
                else:
                    self.fail("the client did not come back")
            finally:
                made.disconnect()
                second.kill()

    def test_rules_are_asked_and_heard(self):
        # RUL-02, RUL-03
        server = Server(RULES="1")
        try:
            made, told = client(server, ["websocket"])
            room = ask(made, "rules.subscribe", {"pattern": "orders.*"})["data"]
            emitted = ask(made, "rules.emit", {"topic": "orders.paid", "data": {"cents": 5}})["data"]
            event, heard = told.get(timeout=PATIENCE)
            self.assertEqual((event, heard), ("rules.event", {**room, "topic": "orders.paid", "event": emitted}))
            self.assertEqual(ask(made, "rules.setFact", {"key": "a:b", "value": 1})["data"]["version"], 1)
            made.disconnect()
        finally:
            server.kill()

    def test_tokens_are_asked_for(self):
        # CHA-26
        server = Server(AUTH="1")
        try:
            with self.assertRaises(socketio.exceptions.ConnectionError):
                client(server, ["websocket"], retry=False)
            made, _ = client(server, ["websocket"], auth={"token": "let me in"})
            self.assertEqual(call(made, "system/users", "count"), {"data": 0})
            made.disconnect()
        finally:
            server.kill()


if __name__ == "__main__":
    unittest.main()
