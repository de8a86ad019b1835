"""The same calls of the second generation as coroutines."""

from __future__ import annotations

import asyncio

from pycarta.admin import v2
from pycarta.admin.v2 import SELF, aio
from recording import agent, done, record

olga, otto = agent("olga"), agent("otto")
READS = v2.PermissionSet(user=v2.PermissionFlags(read=True))
READING = [v2.TokenEndpoint("GET", "/user")]


def run(name, coroutine):
    return record(name, lambda: asyncio.run(coroutine()))


async def pool():
    found, policy = await asyncio.gather(aio.get_user_pool(agent=olga), aio.get_password_policy(agent=olga))
    return [found.region, policy.minimum_length > 0]


async def made():
    return (await aio.create_resource("Log", ["Dataset"], agent=olga)).id


run("the pool", pool)
node = run("a resource", made)


async def looked():
    return (await aio.get_resource(node, agent=olga)).name


async def changed():
    return (await aio.update_resource(node, name="Kiln", agent=olga)).name


async def granted():
    # Whoever owns a project sees who holds something on it, and themselves among them.
    other = (await aio.list_accessors("ceramics", "User", agent=otto))[0].id
    given = await aio.set_permissions(other, node, READS, agent=olga)
    direct, held, labels, listed = await asyncio.gather(
        aio.get_direct_permissions(other, node, agent=olga),
        aio.get_permissions(SELF, node, agent=otto),
        aio.list_labels(SELF, agent=otto),
        aio.list_resources(SELF, "Dataset", agent=otto),
    )
    taken = await aio.delete_permissions(other, node, agent=olga)
    after = await aio.get_permissions(SELF, node, agent=otto)
    return [given.user.read, direct.user.read, held.read, "Dataset" in labels, [item.name for item in listed], taken, after.read]


async def tokens():
    token = await aio.create_token(SELF, name="reader", allowed_endpoints=READING, agent=olga)
    await aio.revoke_token(SELF, "reader", agent=olga)
    listed = await aio.list_tokens(SELF, agent=olga)
    await aio.delete_token(SELF, "reader", agent=olga)
    return [token.name, [(token.name, token.revoked) for token in listed], await aio.list_tokens(SELF, agent=olga)]


async def removed_by_another():
    await aio.delete_resource(node, agent=otto)


async def removed():
    return await aio.delete_resource(node, verify=True, agent=olga)


run("the resource", looked)
run("changing it", changed)
run("granting and taking back", granted)
run("tokens", tokens)
run("removing it, by another", removed_by_another)
run("removing it", removed)
run("it is gone", looked)
done()
