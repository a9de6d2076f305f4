"""Asks a service on this machine by REDbot, which asks some more by itself.

Arguments: requests, each as "METHOD URL" and a line "Name: value" for each field. Printed of each, behind its
number: the status, and then, a line each, the remarks that are warnings or worse.
"""

import configparser
import sys

import thor
from httplint.note import levels
from redbot.resource import HttpResource

config = configparser.ConfigParser()
config.read_dict({"redbot": {"enable_local_access": "True"}})


def report(number, notes):
    for note in notes:
        if note.level in (levels.WARN, levels.BAD):
            print(number, type(note).__name__)
        report(number, note.subnotes)


def ask(number):
    if number == len(sys.argv):
        thor.stop()
        return
    first, *fields = sys.argv[number].split("\n")
    method, url = first.split(" ")
    resource = HttpResource(config["redbot"])
    resource.set_request(url, method, [tuple(field.split(": ", 1)) for field in fields])

    def done():
        print(number, resource.fetch_error or resource.response.status_code)
        report(number, resource.response.notes)
        ask(number + 1)

    resource.on("check_done", done)
    resource.check()


ask(1)
thor.run()
