"""A history of a fleet, made by SQL: servers, collectors, names, stored rows and roll-ups that belong together.

Samples lie on whole minutes. Within an hour each gauge has one value, and each counter grows by the same number a minute. Resets
lie on whole hours. So every part of a roll-up has a closed form, and rows, roll-ups of five minutes and roll-ups of an hour give
the same answers.
"""

import dataclasses

from postgres import rows

MASK = 2**64 - 1
PRIMES = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5)
TEXT_SEED, OBJECT_SEED = 0x7067616E74657874, 0x7067616E6F626A65
FIVE_MINUTES, HOUR, DAY = 300, 3600, 86_400
RESET_HOURS = 72  # a server's counters are reset this often
RARE = 6 * HOUR  # lists of schema objects and of bloat are long and seldom change


def xxh64(data, seed):
    """The XXH64 of bytes, with which the server makes the ids of texts and objects."""
    p1, p2, p3, p4, p5 = PRIMES

    def rotate(value, bits):
        return (value << bits | value >> (64 - bits)) & MASK

    def lane(value, word):
        return rotate((value + word * p2) & MASK, 31) * p1 & MASK

    index, size = 0, len(data)
    if size >= 32:
        lanes = [(seed + p1 + p2) & MASK, (seed + p2) & MASK, seed, (seed - p1) & MASK]
        while index + 32 <= size:
            for place in range(4):
                start = index + 8 * place
                lanes[place] = lane(lanes[place], int.from_bytes(data[start:start + 8], "little"))
            index += 32
        digest = sum(rotate(value, bits) for value, bits in zip(lanes, (1, 7, 12, 18))) & MASK
        for value in lanes:
            digest = ((digest ^ lane(0, value)) * p1 + p4) & MASK
    else:
        digest = (seed + p5) & MASK
    digest = (digest + size) & MASK
    while index + 8 <= size:
        digest = (rotate(digest ^ lane(0, int.from_bytes(data[index:index + 8], "little")), 27) * p1 + p4) & MASK
        index += 8
    if index + 4 <= size:
        digest = (rotate(digest ^ int.from_bytes(data[index:index + 4], "little") * p1 & MASK, 23) * p2 + p3) & MASK
        index += 4
    for byte in data[index:]:
        digest = rotate(digest ^ byte * p5 & MASK, 11) * p1 & MASK
    digest = (digest ^ digest >> 33) * p2 & MASK
    digest = (digest ^ digest >> 29) * p3 & MASK
    return digest ^ digest >> 32


def signed(word):
    return word - 2**64 if word >= 2**63 else word


def text_id(text):
    return signed(xxh64(text.encode(), TEXT_SEED))


def object_id(table, key):
    digest = xxh64(table.encode(), OBJECT_SEED)
    for part in key:
        digest = xxh64(part.encode(), digest)
    return signed(digest)


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def statement(n):
    return f"SELECT v, note FROM t{n} WHERE id = $1 AND v > $2"


def definition(n):
    return f"CREATE UNIQUE INDEX t{n}_pkey ON public.t{n} USING btree (id)"


MESSAGES = ["checkpoint complete: wrote 94 buffers", "duplicate key value violates unique constraint \"t1_pkey\"",
            "there is no transaction in progress", "connection to client lost"]
LEVELS = ["LOG", "ERROR", "WARNING", "FATAL"]
STATES = ["active", "idle", "idle in transaction"]
COLUMNS = ["id", "v", "note"]
EXTENSIONS = ["plpgsql", "pg_stat_statements"]


@dataclasses.dataclass
class Table:
    """How a table is filled. `keys`: for each row of a list, the texts that name its object, or None for a table without objects.
    `labels`: SQL for columns that are not rolled up, over the sample's time `t`, server `s` and place `n` in the list; names that
    the table does not have are left out. `values`: SQL for gauges, over `s`, `n` and the number of the hour `h`. `absent`: columns that the collector does not send."""

    name: str
    keys: list
    period: int = 60
    labels: dict = dataclasses.field(default_factory=dict)
    values: dict = dataclasses.field(default_factory=dict)
    absent: tuple = ()


def choice(values):
    """One of the texts, by the place in the list."""
    return f"(ARRAY[{', '.join(map(quoted, values))}])[1 + (n - 1) % {len(values)}]"


def ids(texts):
    """The id of one of the texts, by the place in the list."""
    return f"('{{{','.join(str(text_id(text)) for text in texts)}}}'::int8[])[1 + (n - 1) % {len(texts)}]"


def catalogue(objects):
    """The tables of a fleet in which a server has so many objects of each kind."""
    numbers = range(1, objects + 1)
    tables = [["public", f"t{n}"] for n in numbers]
    indexes = [["public", f"t{n}", f"t{n}_pkey"] for n in numbers]
    ago = "t - interval '{}'"
    session = {"pid": "4000 + n", "username": "'app'", "database": "'app'", "state": choice(STATES), "application_name": "'app'",
               "client_address": "'10.0.0.5'", "query_start": ago.format("20 s"), "state_change": ago.format("10 s"),
               "backend_start": ago.format("1 hour"), "query_id": ids([statement(1)])}
    size = "1000000::int8 * (500 + n * 37 + s % 100) + h % 100000 * 10000"
    vacuumed = {name: ago.format(age) for name, age in (
        ("last_vacuum", "9 days"), ("last_autovacuum", "2 hours"), ("last_analyze", "9 days"), ("last_autoanalyze", "1 hour"))}
    kilobytes = {"index_size": "'16 kB'", "table_size": "'16 MB'", "size": "'16 kB'"}
    return [
        Table("pg_query_stats", [None] * objects, labels={
            "hash": "1000 + n", "text_id": ids([statement(n) for n in numbers]), "userid": "10", "dbid": "16384", "toplevel": "true"},
            # Every column that is not here makes the roll-ups of all statements larger by half a gigabyte.
            absent=("min_time", "mean_time", "stddev_time", "shared_blks_dirtied", "shared_blks_written", "local_blks_hit", "local_blks_read",
                    "local_blks_dirtied", "local_blks_written", "temp_blks_read", "temp_blks_written", "blk_read_time",
                    "blk_write_time", "wal_records", "wal_fpi")),
        Table("pg_stats", [None], values={"size_bytes": "20 * (" + size + ")"}),
        Table("pg_stats_tables", tables, values={"size_bytes": size, "live_tuples": "1000000 + n * 1000",
                                                 "dead_tuples": "(h * 977 + n * 131) % 100000"}, labels=vacuumed),
        Table("pg_stats_indexes", indexes, values={"size_bytes": "(" + size + ") / 10"}, labels={"status": "'USED'"}),
        Table("pg_cache_tables", tables, period=RARE, absent=(
            "toast_blks_hit", "toast_blks_read", "tidx_blks_hit", "tidx_blks_read")),
        Table("pg_cache_indexes", indexes, period=RARE),
        Table("pg_bloat_tables", tables, period=RARE, labels=vacuumed | kilobytes),
        Table("pg_bloat_indexes", indexes, period=RARE, labels=kilobytes | {"usage_status": "'ACTIVE'", "recommendation": "''"}),
        Table("pg_schema_tables", tables, period=RARE, labels={"type": "'BASE TABLE'", "has_oids": "false", "table_oid": "16400 + n"}),
        Table("pg_schema_columns", [[*key, name] for key in tables for name in COLUMNS], period=RARE, labels={
            "data_type": "'bigint'", "is_nullable": "false", "default_id": ids([""]),
            "position": f"1 + (n - 1) % {len(COLUMNS)}", "numeric_precision": "64", "numeric_scale": "0"}),
        Table("pg_schema_indexes", indexes, period=RARE, labels=kilobytes | {
            "definition_id": ids([definition(n) for n in numbers]), "usage_status": "'ACTIVE'", "is_primary": "true",
            "is_unique": "true", "index_oid": "26400 + n"}),
        Table("pg_schema_constraints", indexes, period=RARE, labels={"type": "'PRIMARY KEY'", "columns_id": ids(["id"])}),
        Table("pg_extensions", [[name] for name in EXTENSIONS], period=RARE, labels={
            "version": "'1.10'", "owner": "'postgres'", "schema": "'public'", "relocatable": "true"}),
        Table("sysstat", [None], values={"cpu_user": "20 + h % 30", "cpu_system": "4", "cpu_idle": "70 - h % 30", "cpu_iowait": "1",
                                         "memory_total_mb": "65536", "memory_used_mb": "13536 + h % 100"}),
        Table("sysstat_disk_io", [["vda"], ["vdb"]]),
        Table("disk_usage", [["/dev/vda", "/"], ["/dev/vdb", "/data"]], values={
            "total_gb": "500", "used_gb": "200 + h % 100", "free_gb": "300 - h % 100", "percent_used": "40 + h % 100 / 4.0"}),
        Table("pg_connections", [None], values={"total_connections": "20 + (h + s) % 30"}),
        Table("pg_connections_by_state", [None] * len(STATES), labels={"database": "'app'", "state": choice(STATES)}),
        Table("pg_long_running_transactions", [None], period=HOUR, labels=session, values={"duration_seconds": "60 + h % 60"}),
        Table("pg_idle_transactions", [None], period=HOUR, labels=session, values={"idle_time_seconds": "3 + h % 5"}),
        Table("pg_lock_wait_chains", [None] * 3, period=HOUR, labels={
            "blocked_pid": "4001 + n", "blocked_user": "'app'", "blocking_pid": "4000 + n", "blocking_user": "'app'",
            "blocked_query_id": ids([statement(1)]), "blocking_query_id": ids([statement(2)]), "blocked_application": "'app'",
            "blocking_application": "'app'"}, values={"wait_time_seconds": "2 + h % 20"}),
        Table("pg_blocking_queries", [None], period=HOUR, labels=session, values={"duration_seconds": "5 + h % 20"}),
        Table("pg_locks", [None] * 10, period=HOUR, labels={
            "pid": "4000 + n % 4", "locktype": "'relation'", "mode": choice(["AccessShareLock", "RowExclusiveLock"]),
            "granted": "n % 5 > 0", "relation": "16400 + n", "username": "'app'", "state": "'active'",
            "query_id": ids([statement(1)])}),
        Table("pg_log", [None] * len(MESSAGES), labels={
            "logged_at": "t", "level": choice(LEVELS), "message_id": ids(MESSAGES)}),
        Table("pg_replication_wal", [None]),
        Table("pg_replication_status", [["standby1"], ["standby2"]], labels={
            "server_pid": "5000 + n", "usename": "'replicator'", "state": "'streaming'", "sync_state": "'async'",
            "write_lsn": "'0/1'", "flush_lsn": "'0/1'", "replay_lsn": "'0/1'", "client_addr": "'10.0.0.9'",
            "backend_start": "timestamptz '2026-01-01 00:00:00+00'"}),
        Table("pg_replication_slots", [["standby1"], ["standby2"]], labels={
            "slot_type": "'physical'", "active": "true", "restart_lsn": "'0/1'", "plugin_active": "false", "backend_pid": "5000 + n"}),
        Table("pg_replication_wraparound", [["app"], ["postgres"]], labels={
            "relfrozenxid": "700", "current_xid": "200000700", "at_risk": "false"},
            values={"xid_until_wraparound": "2000000000 - h % 10000 * 1000", "percent_until_wraparound": "93",
                    "tables_needing_vacuum": "0", "oldest_table_age": "100000000 + h % 10000 * 1000"}),
    ]


TEXTS = ["app", "postgres", "id", "", *MESSAGES]


class Shape:
    """The columns of a table and the parts of its roll-ups, as the database has them."""

    def __init__(self, url, table):
        def columns(relation):
            return [line.split("|") for line in rows(
                url, "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped"
                f" AND attrelid = to_regclass('{relation}') ORDER BY attnum")]

        self.types = dict(columns(f"metrics.{table}"))
        self.rolled = dict(columns(f"rollups.{table}_5m"))
        assert self.types, f"there is no table metrics.{table}"

    def is_rolled(self, column):
        return f"{column}.count" in self.rolled

    def is_counter(self, column):
        return f"{column}.increase" in self.rolled


class Filling:
    """The statements that fill one table."""

    def __init__(self, url, table):
        self.table, self.shape, types = table, Shape(url, table.name), Shape(url, table.name).types
        for column in [*table.values, *table.absent]:
            assert column in types, f"{table.name} has no column {column}"
        self.numbers = [name for name in types if self.shape.is_rolled(name) and name not in table.absent]
        keys = {"server_id": "s"}
        if "database_id" in types:
            keys["database_id"] = str(text_id("app"))
        if "object_id" in types:
            found = ",".join(str(object_id(table.name, key)) for key in table.keys)
            keys["object_id"] = f"('{{{found}}}'::int8[])[n]"
        self.keys = keys
        self.labels = {name: sql for name, sql in table.labels.items() if name in types}
        # Rows of a list that roll-ups do not distinguish are several values of one series.
        self.series = {name: sql for name, sql in (keys | self.labels).items() if name in self.shape.rolled}
        self.is_each = not ({"object_id", "hash"} & self.series.keys())
        self.rows_each = len(table.keys) if self.is_each else 1

    def rate(self, column):
        """How much a counter grows each minute."""
        return f"(1 + (s * 7 + n * 13 + {self.numbers.index(column) * 5}) % 97)"

    def gauge(self, column):
        if column == "statements":
            return "1"
        place = self.numbers.index(column)
        own = "" if self.is_each else " + n * 17"
        return f"({self.table.values.get(column, f'10 + (s * 3{own} + h * 7 + {place}) % 50')})"

    def value(self, column, minute):
        """A column's value in a sample. - minute: the minutes since the last reset, from 1 on, as SQL."""
        kind = self.shape.types[column]
        if self.shape.is_counter(column):
            number = f"({self.rate(column)} * {minute})"
            return f"{number} / 4.0::float8" if kind == "double precision" else f"{number}::int8"
        return f"{self.gauge(column)}::{'float8' if kind == 'double precision' else 'int8'}"

    def parts(self, column, count):
        """The parts of a column in a bucket with so many samples, by the columns of the roll-up."""
        first, last = self.value(column, "minute"), self.value(column, f"(minute + {count - 1})")
        number = "float8" if self.shape.types[column] == "double precision" else "numeric"
        values = count * self.rows_each
        total = f"({first} + {last})::{number} * {values}"
        parts = {"count": str(values), "sum": f"{total} / 2" if number == "float8" else f"div({total}, 2)", "min": first, "max": last,
                 "first": first, "last": last,
                 "increase": f"({last} - {first})::{number}" if count > 1 else "NULL",
                 "elapsed": str(60 * (count - 1)) if count > 1 else "NULL"}
        found = {}
        for part, sql in parts.items():
            name = f"{column}.{part}"
            if name + ".numeric" in self.shape.rolled:
                found[name + ".numeric"] = f"({sql})::numeric"
            elif name in self.shape.rolled:
                found[name] = sql
        return found

    def samples(self, servers, start, end, step, anchor, places):
        """A relation with a row for each time, server and place in the list. The sort keeps the order of arrival."""
        first = start + (anchor - start) % step
        return (f"(SELECT to_timestamp(e) AS t, s, n, e / {HOUR} AS h,"
                f" (e / 60 + s % {RESET_HOURS} * 60) % {RESET_HOURS * 60} + 1 AS minute, e"
                f" FROM generate_series({first}::int8, {end - 1}, {step}) AS e, generate_series(1, {servers}) AS s,"
                f" generate_series(1, {places}) AS n ORDER BY e, s, n OFFSET 0) AS sample")

    def rows(self, servers, start, end, last):
        """The stored rows of the samples from `start` to before `end`. - last: the time of the last sample of all."""
        values = {"time": "t"} | self.keys | self.labels | {name: self.value(name, "minute") for name in self.numbers}
        period = self.table.period
        return self.insertion(f"metrics.{self.table.name}", values,
                              self.samples(servers, start, end, period, last, len(self.table.keys)))

    def rollups(self, suffix, width, servers, start, end, last):
        """The roll-ups of the buckets from `start` to before `end`."""
        if not self.shape.rolled:
            return None
        period = self.table.period
        count, step = (width // period, width) if period < width else (1, period)
        anchor = 0 if period < width else last
        values = {"time": f"to_timestamp(e / {width} * {width})"} | self.series | {
            "first_time": "t", "last_time": f"t + interval '{60 * (count - 1)} s'"}
        if "unbroken" in self.shape.rolled:
            values["unbroken"] = "minute > 1"  # the first minute after a reset is 1
        for column in self.numbers:
            values |= self.parts(column, count)
        places = 1 if self.is_each else len(self.table.keys)
        return self.insertion(f"rollups.{self.table.name}_{suffix}", values,
                              self.samples(servers, start, end, step, anchor, places))

    @staticmethod
    def insertion(relation, values, source):
        columns = ", ".join(f'"{name}"' for name in values)
        return f"INSERT INTO {relation} ({columns}) SELECT {', '.join(values.values())} FROM {source}"


@dataclasses.dataclass
class Fleet:
    """How large the history is. The hour that is not over has no roll-up of an hour, and the server makes it when it is over."""

    servers: int
    objects: int
    raw_servers: int
    raw_rows: int
    days: int
    fine_hours: int
    end: int  # Unix time: a multiple of five minutes

    def periods(self):
        """What to fill, one after another: kind, start, end. A piece is so short that its sort needs little memory."""
        def pieces(kind, start, end, length):
            return [(kind, at, min(at + length, end)) for at in range(start, end, length)]

        whole = self.end // HOUR * HOUR
        return (pieces("1h", whole - self.days * DAY, whole, 12 * HOUR)
                + pieces("5m", self.end - self.fine_hours * HOUR, self.end, HOUR)
                + pieces("rows", self.end - self.raw_seconds(), self.end, HOUR))

    def raw_seconds(self):
        """The time that the stored rows cover, in whole steps of five minutes."""
        if not self.raw_servers:
            return 0
        second = sum(len(table.keys) / table.period for table in catalogue(self.objects))
        return max(1, round(self.raw_rows / self.raw_servers / second / FIVE_MINUTES)) * FIVE_MINUTES

    def statements(self, filling):
        """The statements that fill a table, one for each piece of time."""
        last = self.end - 60
        for kind, start, end in self.periods():
            if kind == "rows":
                yield filling.rows(self.raw_servers, start, end, last)
            else:
                sql = filling.rollups(kind, HOUR if kind == "1h" else FIVE_MINUTES, self.servers, start, end, last)
                if sql:
                    yield sql

    def beginning(self):
        """The statements that make servers, names and partitions."""
        end = f"to_timestamp({self.end})"
        servers = f"generate_series(1, {self.servers}) AS s"
        uuid = "('00000000-0000-4000-8000-' || lpad(s::text, 12, '0'))::uuid"
        texts = [*TEXTS, *(statement(n) for n in range(1, self.objects + 1)), *(definition(n) for n in range(1, self.objects + 1))]
        pairs = ", ".join(f"({text_id(text)}, {quoted(text)})" for text in texts)
        yield (f"INSERT INTO pganalytics.servers (id, name, hostname, created_at, last_seen_at) OVERRIDING SYSTEM VALUE"
               f" SELECT s, 'db-' || s, 'db-' || s, {end} - interval '30 days', {end} FROM {servers}")
        yield "SELECT setval(pg_get_serial_sequence('pganalytics.servers', 'id'), max(id)) FROM pganalytics.servers"
        yield (f"INSERT INTO pganalytics.collectors (id, server_id, name, hostname, last_seen_at)"
               f" SELECT {uuid}, s, 'db-' || s, 'db-' || s, {end} FROM {servers}")
        yield (f"INSERT INTO pganalytics.labels (server_id, name, value) SELECT s, 'env', CASE s % 4 WHEN 0 THEN 'prod' ELSE 'test' END"
               f" FROM {servers}")
        yield (f"INSERT INTO pganalytics.texts (server_id, text_id, value) SELECT s, id, value FROM {servers},"
               f" (VALUES {pairs}) AS v(id, value)")
        for table in catalogue(self.objects):
            if table.keys[0] is not None:
                named = ", ".join(
                    f"({object_id(table.name, key)}, ARRAY[{', '.join(map(quoted, key))}])" for key in table.keys)
                yield (f"INSERT INTO pganalytics.objects (server_id, object_id, kind, name, key)"
                       f" SELECT s, id, '{table.name}', array_to_string(key, '.'), key FROM {servers}, (VALUES {named}) AS o(id, key)")

    def ending(self):
        """Lets the server roll up the hour that is not over yet."""
        yield ("INSERT INTO pganalytics.rollup_pending (step_seconds, server_id, first_time, last_time)"
               f" SELECT {HOUR}, s, to_timestamp({self.end // HOUR * HOUR}), to_timestamp({self.end - 60})"
               f" FROM generate_series(1, {self.servers}) AS s WHERE {self.end % HOUR} > 0")

    def partitions(self, url):
        """The statements that make the partitions the history needs; none with hypertables."""
        pieces = self.periods()
        for schema, suffix, kind, days in (("metrics", "", "rows", 1), ("rollups", "_5m", "5m", 7), ("rollups", "_1h", "1h", 28)):
            # Partitions of roll-ups are counted from a Monday, as the server counts them.
            numbers = sorted({(second // DAY - 10_959) // days for name, start, end in pieces if name == kind
                              for second in (start, end - 1)})
            if not numbers:
                continue
            yield from rows(url, f"""
                SELECT format('CREATE TABLE IF NOT EXISTS %s (LIKE %I.%I INCLUDING ALL); ALTER TABLE %I.%I ATTACH PARTITION %s'
                    ' FOR VALUES FROM (%L) TO (%L)', name, nspname, relname, nspname, relname, name, day, day + {days})
                FROM (
                  SELECT nspname, relname, day, format('%I.%I', nspname, relname || to_char(day, '"_p"YYYYMMDD')) AS name
                  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
                    LATERAL (SELECT date '2000-01-03' + number * {days} AS day FROM generate_series({numbers[0]}, {numbers[-1]}) AS number) d
                  WHERE relkind = 'p' AND nspname = '{schema}' AND relname LIKE '%{suffix}'
                ) AS wanted WHERE NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = to_regclass(name)) ORDER BY name""")
