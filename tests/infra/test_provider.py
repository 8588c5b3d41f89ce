"""The providers' schemas, as they are made of the npm packages."""

import dataclasses

import pytest

from tests.infra.provider.packages import Package, PackageError, check, fetched, pinned
from tests.infra.provider.schema import document, pruned, unpacked
from tests.infra.provider.typescript import read

pytestmark = pytest.mark.usefixtures("tools")


@pytest.mark.parametrize("package", pinned(), ids=lambda package: package.provider)
def test_it_holds_the_whole_provider(package: Package) -> None:
    folder = unpacked(package)
    assert len(list((folder / "resource_schemas").iterdir())) > 1000
    assert len(list((folder / "data_source_schemas").iterdir())) > 300


def test_flags_types_and_nesting_are_the_providers() -> None:
    bucket = pruned(pinned()[0], ["google_storage_bucket"])["resource_schemas"]["google_storage_bucket"][
        "block"
    ]
    assert bucket["attributes"]["location"] == {"type": "string", "required": True}
    assert bucket["attributes"]["labels"] == {"type": ["map", "string"], "optional": True}
    assert bucket["attributes"]["url"] == {"type": "string", "computed": True}
    rule = bucket["block_types"]["lifecycle_rule"]
    assert rule["nesting_mode"] == "list"
    assert "max_items" not in rule
    assert rule["block"]["block_types"]["condition"]["min_items"] == 1
    assert rule["block"]["block_types"]["condition"]["max_items"] == 1
    assert bucket["block_types"]["timeouts"]["nesting_mode"] == "single"


def test_what_the_documentation_admits_is_kept() -> None:
    name = "google_cloudbuild_trigger"
    trigger = pruned(pinned()[0], [name])["resource_schemas"][name]["block"]["attributes"]
    assert trigger["include_build_logs"]["enum"] == [
        "INCLUDE_BUILD_LOGS_UNSPECIFIED",
        "INCLUDE_BUILD_LOGS_WITH_STATUS",
    ]


def test_a_beta_type_bears_googles_name() -> None:
    name = "google_vertex_ai_metadata_store"
    google, beta = pinned()
    assert name in pruned(beta, [name])["resource_schemas"]
    assert name not in pruned(google, [name])["resource_schemas"]


def test_the_document_has_terraforms_form() -> None:
    found = document(pinned()[0], ["google_pubsub_topic", "google_no_such_thing"])
    (schema,) = found["provider_schemas"].values()
    assert list(schema["resource_schemas"]) == ["google_pubsub_topic"]
    assert schema["provider"]["block"]["attributes"]["project"] == {"type": "string", "optional": True}


def test_another_tarball_than_the_pinned_one_is_rejected() -> None:
    package = pinned()[0]
    content = fetched(package).read_bytes()
    check(content, package)
    with pytest.raises(PackageError, match=r"expected sha512-.*, got sha512-"):
        check(content + b"\0", package)


def test_a_package_that_npm_does_not_have_is_reported() -> None:
    missing = dataclasses.replace(pinned()[0], provider="missing", version="0.0.0-none")
    with pytest.raises(PackageError, match=r"@cdktf/provider-google@0.0.0-none: npm pack failed"):
        fetched(missing)


def test_a_folder_without_a_type_is_none() -> None:
    assert read(["exports.nothing = 1"]).main() is None
