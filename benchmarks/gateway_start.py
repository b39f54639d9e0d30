"""What the function of gateway calls needs at its start, and its memory for an answer of 5 MB.

Processor milliseconds in a new process, without Lambda's own start: the imports of the handler, the tables, and the
first call of each service, which reads that service's model. Prints one JSON object.
"""

import importlib
import json
import resource
import time

from benchmarks.gateway_upstream import report

CALLS = {
    "s3": ("GetObject", {"Bucket": "reports", "Key": "a"}),
    "dynamodb": ("GetItem", {"TableName": "orders", "Key": {"id": {"S": "o-1"}}}),
    "ec2": ("StopInstances", {"InstanceIds": ["i-1"]}),
}
LARGE_ANSWER = 5


def main() -> None:
    """Measure and print."""
    figures: dict[str, float] = {}
    began = time.process_time()
    importlib.import_module("jitney.handlers.gateway_calls")
    figures["imports_ms"] = _since(began)
    began = time.process_time()
    resources = importlib.import_module("jitney.resources")
    models = importlib.import_module("jitney.adapters.aws_models").AwsModels.load(resources.MODELS.read_bytes())
    masks = importlib.import_module("jitney.core.masking.table").MaskTable.load(resources.MASKS.read_bytes())
    table = importlib.import_module("jitney.core.calls.operations").OperationTable.load(
        resources.OPERATIONS.read_bytes()
    )
    importlib.import_module("jitney.core.calls.explainer").explainer(table)
    masker = importlib.import_module("jitney.core.gateway.answer_masking").AnswerMasker(masks)
    figures["tables_ms"] = _since(began)
    wire = importlib.import_module("jitney.adapters.wire_requests")
    check = importlib.import_module("jitney.core.gateway.parameters").checked_parameters
    for service, (name, parameters) in CALLS.items():
        began = time.process_time()
        operation = models.operation(service, name)
        endpoint = models.endpoint(operation, "aws", "eu-west-1", "444455556666")
        checked = check(parameters, operation, operation.service_model.resolved_protocol)
        wire.wire_request(operation, checked, endpoint.url, "00000000-0000-4000-8000-000000000000")
        figures[f"first_call_of_{service}_ms"] = _since(began)
    figures["memory_mb"] = _peak_megabytes()
    answer = importlib.import_module("jitney.core.gateway.aws_answer").AwsAnswer(200, {}, report("1MB") * LARGE_ANSWER)
    tags = importlib.import_module("jitney.core.masking.mask_tags").MaskTags(lambda: b"key")
    masked = masker.mask(answer, models.operation("s3", "GetObject"), tags)
    json.dumps({"body": masked.body.decode()}).encode()
    figures["memory_with_5_mb_answer_mb"] = _peak_megabytes()
    print(json.dumps(figures, indent=2))


def _since(began: float) -> float:
    return round((time.process_time() - began) * 1000, 1)


def _peak_megabytes() -> int:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    main()
