"""What AWS charges, in US dollars in us-east-1, from AWS's public price pages. DynamoDB is billed on demand."""

PRICES = {
    "api_gateway": 3.5e-6,
    "waf": 0.6e-6,
    "lambda_request": 0.2e-6,
    "lambda_gb_second": 1.33334e-5,
    "write_unit": 0.625e-6,
    "read_unit": 0.125e-6,
    "log_gb": 0.5,
    "firehose_gb": 0.029,
}
