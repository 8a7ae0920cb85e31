"""RFC 6455 at `/@ws` of a real server, by an independent implementation.

`websockets` writes the frames, right and wrong, and its protocol without I/O reads what comes back: it refuses frames that are masked,
reserved bits, bad UTF-8 and bad close codes, so that all that the server sends is judged as well. Numbers are sections of the RFC.
"""

import contextlib
import json
import socket
import struct
import sys
import unittest
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.frames import OP_BINARY, OP_CLOSE, OP_CONT, OP_PING, OP_PONG, OP_TEXT, Close, Frame
from websockets.uri import parse_uri

ADDRESS = None
PATIENCE = 25
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
MOST = 1024 * 1024


class Anything(Frame):
    """A frame of which nothing is checked, so that it may be wrong."""

    def check(self):
        pass


def frame(opcode, data=b"", fin=True, mask=True, **bits):
    data = data.encode() if isinstance(data, str) else data
    return Anything(opcode, data, fin, **bits).serialize(mask=mask)


def cut(text, *lengths):
    """A text message in frames of these many bytes; the last one takes the rest."""
    data, frames, opcode = text.encode() if isinstance(text, str) else text, [], OP_TEXT
    for length in lengths:
        frames.append(frame(opcode, data[:length], fin=False))
        data, opcode = data[length:], OP_CONT
    return frames + [frame(opcode, data)]


def asked(name, spaces=0):
    """A request; its `id` comes back in the answer."""
    return json.dumps({"id": name, "type": "store.buckets"}, ensure_ascii=False) + " " * spaces


class Client:
    """A connection whose bytes are one's own, and whose other end is watched by `websockets`."""

    def __init__(self):
        self.protocol = ClientProtocol(parse_uri(f"ws://{ADDRESS[0]}:{ADDRESS[1]}/@ws"), max_size=None)
        self.socket = socket.create_connection(ADDRESS, PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.protocol.send_request(self.protocol.connect())
        self.frames, self.is_over = [], False
        self.flush()
        response = self.event()
        assert response.status_code == 101, response
        if self.protocol.handshake_exc is not None:
            raise self.protocol.handshake_exc
        assert response.headers.get("Sec-WebSocket-Extensions") is None
        assert json.loads(self.frame().data)["type"] == "welcome"

    def flush(self):
        for data in self.protocol.data_to_send():
            if data:
                try:
                    self.socket.sendall(data)
                except OSError:
                    pass

    def event(self):
        while not self.frames:
            if self.is_over:
                return None
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                data = b""
            if data:
                self.protocol.receive_data(data)
            else:
                self.is_over = True
                self.protocol.receive_eof()
            self.frames += self.protocol.events_received()
            # What the server sent is wrong if its reader has something to say.
            if self.protocol.parser_exc is not None and not isinstance(self.protocol.parser_exc, EOFError):
                raise AssertionError("the server broke the protocol") from self.protocol.parser_exc
        return self.frames.pop(0)

    frame = event

    def send(self, *pieces):
        for piece in pieces:
            self.socket.sendall(piece)

    def result(self, name):
        """The next message is the answer to this request."""
        text = self.message()
        answer = json.loads(text)
        assert (answer["type"], answer["id"]) == ("result", name), text

    def message(self):
        """The next message; of pings and pongs there is none in between."""
        got = self.frame()
        assert got is not None and got.opcode is OP_TEXT and got.fin, got
        return got.data.decode()

    def works(self, name=1):
        self.send(frame(OP_TEXT, asked(name)))
        self.result(name)

    def closed(self):
        """The code that the server closes with, if it says one; it is the last thing it says."""
        while (got := self.frame()) is not None:
            if got.opcode is OP_CLOSE:
                with contextlib.suppress(OSError):  # It may have gone by now.
                    self.socket.shutdown(socket.SHUT_WR)
                rest = self.frame()
                assert rest is None, f"after the end came {rest}"
                self.socket.close()
                return Close.parse(got.data).code
        raise AssertionError("the connection ended without a close frame")


class Case(unittest.TestCase):
    def client(self):
        client = Client()
        self.addCleanup(client.socket.close)
        return client

    def refused(self, code, *pieces):
        client = self.client()
        try:
            client.send(*pieces)
        except (BrokenPipeError, ConnectionResetError):
            pass
        self.assertEqual(client.closed(), code)


class Handshake(unittest.TestCase):
    def answer(self, *lines, version="1.1", method="GET", host=None):
        """The status and the headers of the answer to a request with these lines."""
        host = host or f"{ADDRESS[0]}:{ADDRESS[1]}"
        with socket.create_connection(ADDRESS, PATIENCE) as connection:
            head = [f"{method} /@ws HTTP/{version}", f"Host: {host}", *lines, "", ""]
            connection.sendall("\r\n".join(head).encode())
            text = b""
            while b"\r\n\r\n" not in text:
                data = connection.recv(65536)
                self.assertTrue(data, "there is an answer")
                text += data
        status, *headers = text.split(b"\r\n\r\n")[0].decode().split("\r\n")
        named = (line.split(":", 1) for line in headers)
        return int(status.split()[1]), {name.lower(): value.strip() for name, value in named}

    RIGHT = ("Connection: Upgrade", "Upgrade: websocket", f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Version: 13")

    def but(self, name, *others):
        return [line for line in self.RIGHT if not line.startswith(name + ":")] + list(others)

    def test_the_key_is_answered(self):
        # 1.3, 4.2.2
        status, headers = self.answer(*self.RIGHT)
        self.assertEqual((status, headers["sec-websocket-accept"]), (101, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
        self.assertEqual(headers["upgrade"].lower(), "websocket")
        self.assertIn("upgrade", headers["connection"].lower())

    def test_names_are_of_any_case_and_may_stand_among_others(self):
        # 4.2.1
        lines = ("CONNECTION: keep-alive, upgrade", "upgrade: WebSocket")
        status, _ = self.answer(*lines, f"sec-websocket-key: {KEY}", "sec-websocket-version: 13")
        self.assertEqual(status, 101)

    def test_what_is_not_offered_is_not_agreed_on(self):
        # 4.2.2, 9.1
        lines = ("Sec-WebSocket-Extensions: permessage-deflate", "Sec-WebSocket-Protocol: chat, superchat")
        status, headers = self.answer(*self.RIGHT, *lines)
        self.assertEqual(status, 101)
        self.assertNotIn("sec-websocket-extensions", headers)
        self.assertNotIn("sec-websocket-protocol", headers)

    def test_another_version_is_told_the_right_one(self):
        # 4.2.2, 4.4
        for version in ("0", "8", "14", "13, 8", "x", ""):
            lines = self.but("Sec-WebSocket-Version", f"Sec-WebSocket-Version: {version}")
            status, headers = self.answer(*lines)
            self.assertEqual((status, headers.get("sec-websocket-version")), (426, "13"), version)

    def test_what_is_missing_or_wrong_is_refused(self):
        # 4.2.1
        for lines in (
            self.but("Connection"),
            self.but("Connection", "Connection: close"),
            self.but("Upgrade"),
            self.but("Upgrade", "Upgrade: h2c"),
            self.but("Sec-WebSocket-Key"),
            self.but("Sec-WebSocket-Key", "Sec-WebSocket-Key: c2hvcnQ="),
            self.but("Sec-WebSocket-Key", "Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!=="),
            self.but("Sec-WebSocket-Version"),
        ):
            status, headers = self.answer(*lines)
            self.assertTrue(400 <= status < 500, (lines, status))
            self.assertNotIn("sec-websocket-accept", headers)

    def test_another_method_is_refused(self):
        # 4.1
        for method in ("POST", "PUT", "HEAD"):
            status, _ = self.answer(*self.RIGHT, "Content-Length: 0", method=method)
            self.assertTrue(400 <= status < 500, (method, status))

    def test_an_older_http_is_refused(self):
        # 4.2.1
        status, _ = self.answer(*self.RIGHT, version="1.0")
        self.assertTrue(400 <= status < 500, status)

    def test_pages_of_other_origins_are_refused(self):
        # 4.2.2, 10.2
        status, headers = self.answer(*self.RIGHT, "Origin: https://evil.example")
        self.assertEqual(status, 403)
        self.assertNotIn("sec-websocket-accept", headers)


class Framing(Case):
    def test_lengths_at_the_edges_of_their_forms(self):
        # 5.2: 7 bits, 16 bits, 64 bits
        client = self.client()
        for number, length in enumerate((125, 126, 127, 128, 65535, 65536, 65537, MOST), 10):
            text = asked(number, length - len(asked(number)))
            client.send(frame(OP_TEXT, text))
            client.result(number)

    def test_a_length_has_as_few_bytes_as_it_can(self):
        # 5.2
        text = asked(1).encode()
        for head in (struct.pack("!BBH", 0x81, 0xFE, len(text)), struct.pack("!BBQ", 0x81, 0xFF, len(text))):
            self.refused(1002, head + bytes(4) + text)
        self.refused(1002, struct.pack("!BBQ", 0x81, 0xFF, 1 << 63) + bytes(4))

    def test_bytes_may_come_one_by_one(self):
        # 5.2, TCP has no frames
        client = self.client()
        for byte in frame(OP_TEXT, asked(1)) + frame(OP_PING, b"p"):
            client.send(bytes([byte]))
        first, second = client.frame(), client.frame()
        self.assertEqual({first.opcode, second.opcode}, {OP_TEXT, OP_PONG})

    def test_frames_may_come_together(self):
        client = self.client()
        client.send(b"".join(frame(OP_TEXT, asked(number)) for number in range(10)))
        # They are answered as they are done.
        self.assertEqual({json.loads(client.message())["id"] for _ in range(10)}, set(range(10)))

    def test_frames_without_a_mask_are_refused(self):
        # 5.1
        self.refused(1002, frame(OP_TEXT, asked(1), mask=False))
        self.refused(1002, frame(OP_PING, b"", mask=False))
        self.refused(1002, frame(OP_CLOSE, struct.pack("!H", 1000), mask=False))

    def test_a_mask_of_zeros_is_a_mask(self):
        # 5.3
        client, text = self.client(), asked(1).encode()
        self.assertLess(len(text), 126)
        client.send(bytes([0x81, 0x80 | len(text)]) + bytes(4) + text)
        client.result(1)

    def test_reserved_bits_are_refused(self):
        # 5.2: no extension was agreed on
        for bit in ("rsv1", "rsv2", "rsv3"):
            for opcode, data in ((OP_TEXT, asked(1)), (OP_PING, ""), (OP_PONG, ""), (OP_CLOSE, "")):
                self.refused(1002, frame(opcode, data, **{bit: True}))
            self.refused(1002, frame(OP_TEXT, "{", fin=False), frame(OP_CONT, "}", **{bit: True}))

    def test_reserved_opcodes_are_refused(self):
        # 5.2
        for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
            self.refused(1002, frame(opcode, asked(1)))
            self.refused(1002, frame(opcode))
        self.refused(1002, frame(OP_TEXT, "{", fin=False), frame(3, "}"))

    def test_binary_messages_are_not_understood(self):
        # 7.4.1: the protocol is text
        self.refused(1003, frame(OP_BINARY, asked(1)))
        self.refused(1003, frame(OP_BINARY, b"", fin=False))

    def test_more_than_the_limit_is_too_big(self):
        # 7.4.1, 10.4
        self.refused(1009, frame(OP_TEXT, asked(1, MOST)))
        half = b"x" * (MOST // 2)
        self.refused(1009, frame(OP_TEXT, half, fin=False), frame(OP_CONT, half, fin=False), frame(OP_CONT, b"x"))
        # It is known from the header.
        self.refused(1009, struct.pack("!BBQ", 0x81, 0xFF, 1 << 62) + bytes(4))

    def test_what_is_sent_back_is_framed_right(self):
        # 5.1, 5.2: `Client` judges each frame
        client, wide = self.client(), "é" * 120
        client.works(wide)


class Fragments(Case):
    def test_a_message_in_pieces_is_one_message(self):
        # 5.4
        client, name = self.client(), "häßlich 🦀"
        for lengths in ((1,), (0, 0, 0), (3, 0, 5), (1,) * (len(asked(name).encode()) - 1)):
            client.send(*cut(asked(name), *lengths))
            client.result(name)

    def test_control_frames_may_stand_between_pieces(self):
        # 5.4
        client = self.client()
        first, second, third = cut(asked(7), 5, 9)
        client.send(first, frame(OP_PING, b"one"), second, frame(OP_PONG, b"nobody asked"), frame(OP_PING, b"two"), third)
        for payload in (b"one", b"two"):
            got = client.frame()
            self.assertEqual((got.opcode, bytes(got.data)), (OP_PONG, payload))
        client.result(7)

    def test_the_end_may_stand_between_pieces(self):
        # 5.5.1
        self.refused(1000, frame(OP_TEXT, "{", fin=False), frame(OP_CLOSE, struct.pack("!H", 1000)))

    def test_there_must_be_something_to_continue(self):
        # 5.4
        self.refused(1002, frame(OP_CONT, asked(1)))
        self.refused(1002, frame(OP_CONT, "{", fin=False))
        client = self.client()
        client.send(*cut(asked(1), 3))
        client.result(1)
        client.send(frame(OP_CONT, "}"))
        self.assertEqual(client.closed(), 1002)

    def test_a_message_is_ended_before_the_next_one(self):
        # 5.4
        self.refused(1002, frame(OP_TEXT, "{", fin=False), frame(OP_TEXT, asked(1)))
        self.refused(1002, frame(OP_TEXT, "{", fin=False), frame(OP_BINARY, b""))


class Control(Case):
    def test_a_ping_is_answered_with_its_payload(self):
        # 5.5.2, 5.5.3
        client = self.client()
        for payload in (b"", b"hello", bytes(range(125)), b"\xff\xfe", b"x" * 125):
            client.send(frame(OP_PING, payload))
            got = client.frame()
            self.assertEqual((got.opcode, bytes(got.data)), (OP_PONG, payload))
        client.works()

    def test_each_of_many_pings_is_answered(self):
        # 5.5.3 would allow the last one alone
        client = self.client()
        client.send(b"".join(frame(OP_PING, b"%d" % number) for number in range(100)))
        for number in range(100):
            self.assertEqual(bytes(client.frame().data), b"%d" % number)

    def test_a_pong_that_nobody_asked_for_is_passed_over(self):
        # 5.5.3
        client = self.client()
        client.send(frame(OP_PONG), frame(OP_PONG, b"x" * 125))
        client.works()

    def test_control_frames_have_at_most_125_bytes(self):
        # 5.5
        for opcode in (OP_PING, OP_PONG, OP_CLOSE):
            self.refused(1002, frame(opcode, struct.pack("!H", 1000) + b"x" * 124))

    def test_control_frames_are_whole(self):
        # 5.5
        for opcode in (OP_PING, OP_PONG, OP_CLOSE):
            self.refused(1002, frame(opcode, b"", fin=False))


class Utf8(Case):
    GOOD = ("\u007f", "κόσμε", "\ud7ff\ue000\ufffd\uffff\U00010000\U0010ffff", "\ufdd0\ufffe\U0001fffe", "🦀" * 50)
    BAD = (
        b"\x80",
        b"\xbf\x80",
        b"\xc0\xaf",
        b"\xc1\xbf",
        b"\xe0\x80\xaf",
        b"\xed\xa0\x80",
        b"\xed\xbf\xbf",
        b"\xf0\x80\x80\xaf",
        b"\xf4\x90\x80\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\xfe",
        b"\xff",
        b"\xce\xba\xcf",
        b"\xc3\x28",
        b"\xe2\x82",
    )

    def test_all_of_unicode_comes_through(self):
        # 8.1
        client = self.client()
        for text in self.GOOD:
            client.works(text)

    def test_characters_may_be_cut_by_frames(self):
        # 8.1
        client, text = self.client(), asked("é€🦀").encode()
        for at in range(1, len(text)):
            if text[at] & 0xC0 == 0x80:
                client.send(*cut(text, at))
                client.result("é€🦀")

    def test_bad_utf8_is_refused(self):
        # 8.1
        for bad in self.BAD:
            self.refused(1007, frame(OP_TEXT, b'{"id":"' + bad + b'","type":"store.buckets"}'))

    def test_bad_utf8_is_refused_at_the_end_of_a_message(self):
        # 8.1
        self.refused(1007, frame(OP_TEXT, b"\xe2\x82"))
        self.refused(1007, *cut(b"{\xe2\x82", 1))

    def test_bad_utf8_over_several_frames_is_refused(self):
        # 8.1
        for bad in (b"\xe2\x28\xa1", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf"):
            for at in range(1, len(bad)):
                self.refused(1007, *cut(bad, at))

    def test_bad_utf8_is_refused_before_the_message_is_complete(self):
        # 8.1: nothing could make it good again
        self.refused(1007, frame(OP_TEXT, b"\xce\xba\xff", fin=False))
        self.refused(1007, frame(OP_TEXT, b"\xf4", fin=False), frame(OP_CONT, b"\x90", fin=False))
        whole = frame(OP_TEXT, b"ok\xff" + b"x" * 1000)
        self.refused(1007, whole[:20])


class Closing(Case):
    def test_a_close_is_answered_with_its_code(self):
        # 5.5.1, 7.1.5
        self.refused(1000, frame(OP_CLOSE, struct.pack("!H", 1000)))
        for code in (1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999):
            self.refused(code, frame(OP_CLOSE, struct.pack("!H", code)))

    def test_a_close_without_a_code_is_normal(self):
        # 5.5.1, 7.1.5
        self.refused(1000, frame(OP_CLOSE))

    def test_a_reason_is_text(self):
        # 5.5.1
        self.refused(1000, frame(OP_CLOSE, struct.pack("!H", 1000) + "auf Wiederséhen".encode()))
        self.refused(1000, frame(OP_CLOSE, struct.pack("!H", 1000) + b"x" * 123))
        self.refused(1007, frame(OP_CLOSE, struct.pack("!H", 1000) + b"\xce\xba\xff"))

    def test_codes_that_nobody_may_send_are_refused(self):
        # 7.4.1, 7.4.2
        for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535):
            self.refused(1002, frame(OP_CLOSE, struct.pack("!H", code)))

    def test_half_a_code_is_refused(self):
        # 5.5.1
        self.refused(1002, frame(OP_CLOSE, b"\x03"))

    def test_nothing_is_done_after_the_end(self):
        # 5.5.1
        client = self.client()
        client.send(frame(OP_CLOSE, struct.pack("!H", 1000)) + frame(OP_TEXT, asked(1)) + frame(OP_PING, b"x"))
        self.assertEqual(client.closed(), 1000)

    def test_the_server_closes_the_connection(self):
        # 7.1.1
        client = self.client()
        client.send(frame(OP_CLOSE, struct.pack("!H", 1000)))
        got = client.frame()
        self.assertIs(got.opcode, OP_CLOSE)
        self.assertIsNone(client.frame())
        self.assertTrue(client.is_over)

    def test_whoever_goes_without_a_word_harms_nobody(self):
        # 7.1.7
        other = self.client()
        for pieces in ([], [frame(OP_TEXT, asked(1))[:5]], [frame(OP_TEXT, "{", fin=False)]):
            client = self.client()
            client.send(*pieces)
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.socket.close()
        other.works()


if __name__ == "__main__":
    url = urlsplit(sys.argv.pop(1))
    ADDRESS = (url.hostname, url.port)
    unittest.main(verbosity=1)
