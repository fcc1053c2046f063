"""A PostgreSQL for one script, which can stop, freeze and start it."""

import os
import pathlib
import pwd
import shutil
import signal
import subprocess


def programs():
    """The directory of initdb and pg_ctl: the one in PATH, else the newest of Debian's."""
    found = shutil.which("initdb")
    if found:
        return pathlib.Path(found).resolve().parent
    return sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))[-1]


def rows(url, *statements):
    """The rows of the statements, as text with | between columns. psql prints errors."""
    commands = [part for statement in statements for part in ("-c", statement)]
    answer = subprocess.run(
        ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", url, *commands], check=True, stdout=subprocess.PIPE, text=True)
    return answer.stdout.splitlines()


class Postgres:
    """A cluster in `directory`, reached by a socket there. It runs as the user postgres if this script runs as root."""

    def __init__(self, directory, settings=(), port=5432):
        self.bin, self.directory = programs(), directory
        self.owner = {}
        directory.mkdir()
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(directory, user.pw_uid, user.pw_gid)
            self.owner = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        self.run("initdb", "-D", directory / "data", "-U", "pganalytics", "-A", "trust", "-E", "UTF8", "--locale=C")
        with open(directory / "data/postgresql.conf", "a") as file:
            file.write(f"listen_addresses = ''\nunix_socket_directories = '{directory}'\nport = {port}\n")
            file.writelines(f"{setting}\n" for setting in settings)
        if any((self.bin.parent / "lib").glob("timescaledb.so")):
            with open(directory / "data/postgresql.conf", "a") as file:
                file.write("shared_preload_libraries = 'timescaledb'\ntimescaledb.telemetry_level = off\n")
        self.server = f"host={directory} port={port} user=pganalytics"
        self.url = f"{self.server} dbname=pganalytics"
        self.start()
        self.sql("CREATE DATABASE pganalytics", "postgres")

    def run(self, program, *arguments):
        return subprocess.run(
            [self.bin / program, *arguments], cwd="/", check=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, **self.owner,
        )

    def start(self):
        self.run("pg_ctl", "-D", self.directory / "data", "-w", "-t", "60", "-l", self.directory / "log", "start")

    def stop(self, mode="fast"):
        self.run("pg_ctl", "-D", self.directory / "data", "-w", "-m", mode, "stop")

    def sql(self, statement, database="pganalytics"):
        return rows(f"{self.server} dbname={database}", statement)

    def pid(self):
        return int((self.directory / "data/postmaster.pid").read_text().split("\n", 1)[0])

    def end(self):
        if (self.directory / "data/postmaster.pid").exists():
            os.kill(self.pid(), signal.SIGCONT)
            self.stop("immediate")
