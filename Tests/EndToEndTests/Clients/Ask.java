import generated.Action;
import generated.ActionsApi;
import generated.ApiClient;
import generated.ApiException;
import generated.ApiResponse;
import generated.Batch;
import generated.Explanation;
import generated.OperationsApi;
import generated.Problem;
import generated.Sources;
import java.util.Arrays;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Asks a service through the Java client that openapi-generator has written.
 *
 * Arguments: the service's address, and questions. One line is printed for each answer.
 */
public class Ask {
    public static void main(String[] arguments) throws Exception {
        ApiClient client = new ApiClient();
        client.updateBaseUri(arguments[0]);
        ActionsApi api = new ActionsApi(client);
        OperationsApi operations = new OperationsApi(client);
        for (String question : Arrays.asList(arguments).subList(1, arguments.length)) {
            try {
                System.out.println(ask(api, operations, question));
            } catch (ApiException failure) {
                System.out.println(text(failure));
            }
        }
    }

    static String ask(ActionsApi api, OperationsApi operations, String question)
        throws ApiException
    {
        String kind = question.split(":")[0];
        String ids = question.split(":")[1];
        switch (kind) {
            case "explain": return text(operations.explainActionWithHttpInfo(ids, null));
            case "sources": return text(operations.getSourcesWithHttpInfo());
            case "batch":
                return text(api.getActionsWithHttpInfo(
                    Arrays.asList(ids.split(",")), null, null, null, null, null, null, null));
            case "wait": return text(get(api, ids, 1, null));
            case "known":
                String tag = get(api, ids, null, null).getHeaders().get("etag").get(0);
                return text(get(api, ids, null, tag));
            default: return text(get(api, ids, null, null));
        }
    }

    static ApiResponse<Action> get(ActionsApi api, String id, Integer wait, String tag)
        throws ApiException
    {
        return api.getActionWithHttpInfo(id, null, wait, null, null, tag, null, null);
    }

    static String state(Action action) {
        String end = action.getDone() ? "done" : "running";
        return action.getSource() + " " + action.getStatus() + " " + end;
    }

    static <T> String text(ApiResponse<T> answer) {
        if (answer.getData() instanceof Action) {
            Action action = (Action) answer.getData();
            String classes = action.getErrors().stream()
                .map(error -> " " + error.getPropertyClass()).collect(Collectors.joining());
            return answer.getStatusCode() + " " + state(action) + classes;
        }
        if (answer.getData() instanceof Explanation) {
            Explanation explanation = (Explanation) answer.getData();
            String reasons = explanation.getSources().stream()
                .map(part -> part.getSource() + " " + part.getWhyNotFresher())
                .collect(Collectors.joining(", "));
            return answer.getStatusCode() + " " + explanation.getChoice() + ": " + reasons;
        }
        if (answer.getData() instanceof Sources) {
            Sources sources = (Sources) answer.getData();
            String states = sources.getSources().stream()
                .map(one -> one.getName() + " " + one.getState())
                .collect(Collectors.joining(", "));
            return answer.getStatusCode() + " " + states;
        }
        Batch batch = (Batch) answer.getData();
        String parts = Stream.concat(
            batch.getActions().stream().map(Ask::state),
            batch.getFailures().stream().map(failure -> failure.getProblem().getCode()))
            .collect(Collectors.joining(", "));
        String end = batch.getDone() ? "done" : "running";
        return answer.getStatusCode() + " " + end + ": " + parts;
    }

    static String text(ApiException failure) {
        String body = failure.getResponseBody();
        if (body == null || body.isEmpty()) return "" + failure.getCode();
        try {
            Problem problem =
                ApiClient.createDefaultObjectMapper().readValue(body, Problem.class);
            return failure.getCode() + " " + problem.getCode() + " " + problem.getRetryAfter();
        } catch (Exception unreadable) {
            return failure.getCode() + " " + unreadable;
        }
    }
}
