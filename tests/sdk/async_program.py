"""A program with aioboto3, which runs in .local/aioboto3. It prints what it found, and raises when a step fails."""

import asyncio
import logging
import pickle
import re
import sys
from io import BytesIO
from pathlib import Path

import aioboto3

import jitney

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "sdk.md").read_text("utf-8")
ACCESS = {"actions": "s3:GetObject", "resources": "arn:aws:s3:::reports/2026/*", "reason": "monthly report"}


class AsyncFile:
    """A file of an async library."""

    async def read(self, _amount: int = -1) -> bytes:
        return b"from a file"


async def credentials() -> None:
    async with jitney.grant("analytics-prod", **ACCESS) as session:
        assert isinstance(session, aioboto3.Session)
        print(session.grant.id, session.region_name)
        async with session.client("sts") as sts:
            found = await asyncio.gather(*(sts.get_caller_identity() for _ in range(10)))
        print(found[0]["Account"])
        print(repr(session), repr(await session.get_credentials()))
        try:
            pickle.dumps(session)
        except TypeError as refused:
            print(refused)
    try:
        async with session.client("sts") as sts:
            await sts.get_caller_identity()
    except jitney.GrantEnded as ended:
        print(ended.code)


async def page() -> None:
    """Run the block of docs/sdk.md."""
    (block,) = [each for each in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "async with" in each]
    names = {"jitney": jitney, "calls": ["aws s3 cp s3://reports/2026/q3.csv -"]}
    exec(compile(block, "docs/sdk.md", "exec"), names)  # noqa: S102 - our own page
    print(await names["read"]())


async def revoked() -> None:
    async with jitney.grant("analytics-prod", **ACCESS) as session, session.client("sts") as sts:
        try:
            await sts.get_caller_identity()
        except jitney.Revoked as problem:
            print(problem.detail)


async def gateway() -> None:
    async with jitney.grant("analytics-prod", way="gateway", **ACCESS) as session, session.client("s3") as s3:
        for body in (b"content", BytesIO(b"content"), AsyncFile()):
            await s3.put_object(Bucket="reports", Key="k", Body=body)
        answer = await s3.get_object(Bucket="reports", Key="k")
        async with answer["Body"] as stream:
            print([await stream.read(3), await stream.read()])
        whole = await s3.get_object(Bucket="reports", Key="k")
        print(await whole["Body"].read())
        print([line.decode() async for line in (await s3.get_object(Bucket="reports", Key="k"))["Body"].iter_lines()])
        try:
            await s3.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})
        except jitney.Invalid as refused:
            print(refused.code)


async def cancelled() -> None:
    """The task is cancelled while reviewers decide."""
    loop, asked = asyncio.get_running_loop(), asyncio.Event()

    def on_pending(review: jitney.ReviewPending) -> None:
        print("asked", review.code)
        loop.call_soon_threadsafe(asked.set)

    async def wait() -> None:
        async with jitney.grant("analytics-prod", on_pending=on_pending, **ACCESS):
            raise AssertionError("nothing was approved")

    task = asyncio.create_task(wait())
    await asked.wait()
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        print("cancelled")


async def crowd() -> None:
    """More tasks wait for reviewers than an executor has threads."""
    loop, asked = asyncio.get_running_loop(), asyncio.Event()

    async def wait() -> None:
        async with jitney.grant("analytics-prod", on_pending=lambda _: loop.call_soon_threadsafe(asked.set), **ACCESS):
            raise AssertionError("nothing was approved")

    tasks = [asyncio.create_task(wait()) for _ in range(40)]
    await asked.wait()
    print(await asyncio.wait_for(asyncio.to_thread(lambda: "a thread is free"), 5))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def late() -> None:
    """The task is cancelled while the broker answers, and the grant comes after that."""

    async def wait() -> None:
        async with jitney.grant("analytics-prod", duration="6m", **ACCESS):
            raise AssertionError("the block began after its end")

    task = asyncio.create_task(wait())
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


if __name__ == "__main__":
    logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
    for name in sys.argv[1:]:
        asyncio.run(globals()[name]())
