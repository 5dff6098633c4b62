"""Restores a user's mail without Postino: python3 reader.py data/users/NAME OUT writes what was not removed as OUT/MAILBOX/ID.eml.
The format: store-format.md. Needs Python 3.14, or 3.8 and the module zstandard or the command zstd. MIT licence."""
import base64, collections, functools, hashlib, json, mmap, pathlib, re, struct, subprocess, sys, zlib
try: from compression.zstd import decompress
except ImportError:
    try:
        from zstandard import ZstdDecompressor
        decompress = lambda frame: ZstdDecompressor().decompressobj().decompress(frame)
    except ImportError:
        decompress = lambda frame: subprocess.run(["zstd", "-dcq"], input=frame, capture_output=True, check=True).stdout

odd = re.compile(r'[\0-\x1f\x7f<>:"\\|?*%]|(?<![^/])\.|[. ](?![^/])')  # what in a mailbox's name no folder should have
mailboxes, messages, octets = {}, {}, {}  # octets: by hash, functions that give them, the latest last

def read(data, ours, at=0):  # one segment
    while 0 <= at <= len(data) - 24:
        magic, length, name, seal, checksum = struct.unpack_from("<II8s4sI", data, at)
        text = data[at + 24 : at + 8 + length]
        if magic != 0x184D2A57 or name[:7] != b"Postino" or seal != ours or zlib.crc32(text) != checksum:
            at = data.find(b"Postino", at + 9) - 8  # damage: go on at the next record that is right
            continue
        at += 8 + length
        for record in map(json.loads, [text] if name == b"Postino1" else decompress(text).splitlines()):
            kind, id, hash = record["t"], record.get("id"), record.get("hash")
            if kind == "mailbox": mailboxes[id] = record["name"]
            if kind == "message": messages[id] = [hash, record["mailbox"]]
            if kind == "move" and id in messages: messages[id][1] = record["mailbox"]
            if kind == "remove": messages.pop(id, None)
            if kind == "message" and record["body"]:  # behind the head of a frame, blocks of 128 KiB, each behind 3 octets
                end = at + 14 + record["size"] + 3 * max(1, -(-record["size"] // 131072))
                octets.setdefault(hash, []).append(functools.partial(raw, data, at + 14, end))
                at = end
            if kind == "run":
                run = data, at, tuple(record["lengths"])
                at += sum(record["lengths"])
            if kind in ("kept", "part"):
                piece = functools.partial(cut, *run, record["at"], record["length"])
                octets.setdefault(hash, []).append(functools.partial(made, piece) if record.get("coded") else piece)

def raw(data, start, end): return b"".join(data[at + 3 : min(at + 131075, end)] for at in range(start, end, 131075))

@functools.lru_cache(16)
def chunk(data, at, length): return decompress(data[at : at + length])

def cut(data, start, lengths, at, length):  # a piece of a run's content
    if length == 0: return b""
    size = len(chunk(data, start, lengths[0]))  # of every chunk but the last
    chunks = range(at // size, -(-(at + length) // size))
    return b"".join(chunk(data, start + sum(lengths[:i]), lengths[i]) for i in chunks)[at % size :][:length]

def made(piece):  # a message, by its recipe
    recipe, out, at = piece(), b"", 0
    def varint():
        nonlocal at
        value = shift = 0
        while shift == 0 or recipe[at - 1] > 127: value, at, shift = value | (recipe[at] & 127) << shift, at + 1, shift + 7
        return value
    while at < len(recipe):
        length = varint()
        out, at = out + recipe[at : at + length], at + length
        if at < len(recipe):
            hash, at = recipe[at : at + 32].hex(), at + 32
            size, width, text = varint(), varint(), base64.b64encode(find(hash))
            lines = [text[i : i + width] for i in range(0, len(text), width)] if width else [text]
            out, at = out + (b"\r\n" if recipe[at] else b"\n").join(lines), at + 1
    return out

def find(hash):  # the latest octets that are right
    for give in reversed(octets.get(hash, [])):
        try:
            if hashlib.sha256(found := give()).hexdigest() == hash: return found
        except Exception: pass  # damaged: maybe there are others
    raise LookupError(f"nothing that is right has the hash {hash}")

def mapped(path):
    with open(path, "rb") as file: return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

def main(folder, out):
    files, damaged = {}, 0
    for path in pathlib.Path(folder, "segments").glob("*.zst"):  # of several files of one number, the latest generation
        number, generation = re.fullmatch(r"(\d+)-?(\d*)", path.stem).groups()
        files[number] = max(files.get(number, (-1,)), (int(generation or 0), path))
    segments = [mapped(path) for _, (_, path) in sorted(files.items()) if path.stat().st_size > 0]
    if not segments: sys.exit(f"there are no segments in {folder}")
    seals = collections.Counter(data[16:20] for data in segments)  # each file begins with a record
    for data in segments: read(data, seals.most_common(1)[0][0])
    for id, (hash, mailbox) in sorted(messages.items()):
        try: found = find(hash)
        except LookupError as error:
            damaged += 1
            print(f"message {id} is damaged: {error}", file=sys.stderr)
            continue
        place = pathlib.Path(out, odd.sub(lambda one: f"%{ord(one[0]):02X}", mailboxes.get(mailbox, "INBOX")), f"{id}.eml")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(found)
    print(f"{len(messages) - damaged} messages, {damaged} damaged")
    return 1 if damaged else 0

if __name__ == "__main__": sys.exit(main(*sys.argv[1:]) if len(sys.argv) == 3 else __doc__)
