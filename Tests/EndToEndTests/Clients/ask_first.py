"""Asks a service through the client that openapi-python-client has written.

Arguments: the service's address, and questions. One line is printed for each answer.
"""

import sys

from generated_first import Client
from generated_first.api.actions import get_action, get_actions
from generated_first.api.operations import explain_action, get_sources
from generated_first.models.action import Action
from generated_first.models.explanation import Explanation
from generated_first.models.problem import Problem
from generated_first.models.sources import Sources


def state(action):
    return f"{action.source} {action.status} {'done' if action.done else 'running'}"


def text(response):
    status = int(response.status_code)
    match response.parsed:
        case Action() as action:
            classes = "".join(f" {error.class_}" for error in action.errors)
            return f"{status} {state(action)}{classes}"
        case Problem() as problem:
            return f"{status} {problem.code} {problem.retry_after}"
        case Explanation() as explanation:
            reasons = [f"{part.source} {part.why_not_fresher}" for part in explanation.sources]
            return f"{status} {explanation.choice}: {', '.join(reasons)}"
        case Sources() as sources:
            return f"{status} {', '.join(f'{one.name} {one.state}' for one in sources.sources)}"
        case None:
            return f"{status}"
        case batch:
            parts = [state(action) for action in batch.actions]
            parts += [failure.problem.code for failure in batch.failures]
            return f"{status} {'done' if batch.done else 'running'}: {', '.join(parts)}"


def ask(client, question):
    kind, ids = question.split(":")
    if kind == "explain":
        return explain_action.sync_detailed(ids, client=client)
    if kind == "sources":
        return get_sources.sync_detailed(client=client)
    if kind == "batch":
        return get_actions.sync_detailed(client=client, id=ids.split(","))
    if kind == "wait":
        return get_action.sync_detailed(ids, client=client, wait=1)
    response = get_action.sync_detailed(ids, client=client)
    if kind == "known":
        tag = response.headers["ETag"]
        return get_action.sync_detailed(ids, client=client, if_none_match=tag)
    return response


client = Client(base_url=sys.argv[1])
for question in sys.argv[2:]:
    print(text(ask(client, question)))
