"""Asks a service through the Python client that openapi-generator has written.

Arguments: the service's address, and questions. One line is printed for each answer.
"""

import sys

from generated import ActionsApi, ApiClient, ApiException, Configuration, OperationsApi


def state(action):
    return f"{action.source} {action.status} {'done' if action.done else 'running'}"


def text(answer):
    data = answer.data
    if hasattr(data, "asks"):
        reasons = [f"{part.source} {part.why_not_fresher}" for part in data.sources]
        return f"{answer.status_code} {data.choice}: {', '.join(reasons)}"
    if hasattr(data, "sources"):
        states = [f"{one.name} {one.state}" for one in data.sources]
        return f"{answer.status_code} {', '.join(states)}"
    if hasattr(data, "actions"):
        parts = [state(action) for action in data.actions]
        parts += [failure.problem.code for failure in data.failures]
        return f"{answer.status_code} {'done' if data.done else 'running'}: {', '.join(parts)}"
    classes = "".join(f" {error.var_class}" for error in data.errors)
    return f"{answer.status_code} {state(data)}{classes}"


def ask(api, question):
    kind, ids = question.split(":")
    if kind == "explain":
        return operations.explain_action_with_http_info(ids)
    if kind == "sources":
        return operations.get_sources_with_http_info()
    if kind == "batch":
        return api.get_actions_with_http_info(ids.split(","))
    if kind == "wait":
        return api.get_action_with_http_info(ids, wait=1)
    answer = api.get_action_with_http_info(ids)
    if kind == "known":
        return api.get_action_with_http_info(ids, if_none_match=answer.headers["ETag"])
    return answer


configuration = Configuration(host=sys.argv[1])
# A 503 is shown and not waited out.
configuration.retries = False
api = ActionsApi(ApiClient(configuration))
operations = OperationsApi(ApiClient(configuration))
for question in sys.argv[2:]:
    try:
        print(text(ask(api, question)))
    except ApiException as failure:
        problem = failure.data
        words = f" {problem.code} {problem.retry_after}" if problem else ""
        print(f"{failure.status}{words}")
