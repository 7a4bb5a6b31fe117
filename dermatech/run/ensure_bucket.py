"""Make the bucket of S3_BUCKET where it does not exist: `python -m dermatech.run.ensure_bucket`."""

import sys

_GONE = 404


def ensure_bucket() -> str:
    """What was done, in words; raises botocore's ClientError when the store refuses."""
    from botocore.exceptions import ClientError
    from django.conf import settings
    from django.core.files.storage import default_storage

    name: str = settings.S3_BUCKET
    if not name:
        return "photos are kept in a folder; there is no bucket to make"
    client = default_storage.connection.meta.client  # type: ignore[attr-defined]  # S3Storage's own
    try:
        client.head_bucket(Bucket=name)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != _GONE:
            raise
        client.create_bucket(Bucket=name)
        return f"bucket {name} made"
    return f"bucket {name} is there"


def main() -> int:
    import django

    django.setup()
    print(ensure_bucket())
    return 0


if __name__ == "__main__":
    sys.exit(main())
