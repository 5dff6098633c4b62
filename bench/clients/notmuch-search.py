"""Asks notmuch's own library, as long as it stays open, each query of stdin (JSON lines) so many times; tells the milliseconds."""

import json
import sys
import time

import notmuch2

path, config, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
first_page = 50

with notmuch2.Database(path, mode=notmuch2.Database.MODE.READ_ONLY, config=config) as database:
    queries = [json.loads(line) for line in sys.stdin]
    for query in queries:
        times = []
        for _ in range(rounds):
            started = time.perf_counter()
            shown = []
            for message in database.messages(query, sort=notmuch2.Database.SORT.NEWEST_FIRST):
                # What a list shows; all of it stands in the index.
                shown.append((message.date, message.header("From"), message.header("Subject")))
                if len(shown) == first_page:
                    break
            times.append((time.perf_counter() - started) * 1000)
        print(json.dumps({"hits": len(shown), "times": times}), flush=True)
