"""Loaders share what they read of AWS's services, but not with loaders that add something to it."""

from botocore.loaders import Loader
from moto.core.loaders import create_loader

from tests import service_models
from tests.service_models import shared

S3, SQS = ("s3", "service-2"), ("sqs", "service-2")


def test_loaders_share_what_they_read_and_list():
    assert Loader().load_service_model(*S3) is Loader().load_service_model(*S3)
    assert Loader().list_available_services("service-2") is Loader().list_available_services(type_name="service-2")


def test_loaders_with_other_extras_share_nothing():
    with_extras, without = (
        Loader().load_service_model(*S3),
        Loader(include_default_extras=False).load_service_model(*S3),
    )
    assert with_extras != without
    for _ in range(2):
        assert Loader(include_default_extras=False).load_service_model(*S3) == without
        assert Loader().load_service_model(*S3) == with_extras
    assert create_loader().load_service_model(*SQS) != Loader().load_service_model(*SQS)


def test_the_last_files_are_kept(monkeypatch):
    monkeypatch.setattr(service_models, "KEPT", 2)
    read: list[str] = []

    def reading(_: Loader, name: str) -> list[str]:
        read.append(name)
        return [name]

    load = shared(reading)
    for name in ("a", "b", "a", "c", "a", "b"):
        assert load(Loader(), name) == [name]
    assert read == ["a", "b", "c", "b"]
