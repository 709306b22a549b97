"""An MCP client on fastmcp that is told what to do: one JSON object a line in, one a line out (see ../program.ts)."""

import asyncio
import json
import sys
from importlib.metadata import version
from typing import Any

from fastmcp import Client
from fastmcp.client.elicitation import ElicitResult

# What the person answers to the questions of the running call, and the questions so far.
reply: dict[str, Any] = {"action": "decline"}
asked: list[str] = []


async def ask(message: str, _response_type: Any, _params: Any, _context: Any) -> ElicitResult:
    asked.append(message)
    content = {"name": reply["name"]} if reply["action"] == "accept" else None
    return ElicitResult(action=reply["action"], content=content)


async def carry_out(client: Client, order: dict[str, Any]) -> dict[str, Any]:
    global reply
    if order["do"] == "list":
        return {"tools": [tool.name for tool in await client.list_tools()]}
    reply = order["reply"]
    asked.clear()
    result = await client.call_tool(order["tool"], order["arguments"], raise_on_error=False)
    text = "\n".join(block.text for block in result.content if block.type == "text")
    return {
        "isError": result.is_error,
        "text": text,
        "structured": result.structured_content,
        "asked": list(asked),
    }


async def main() -> None:
    async with Client(sys.argv[1], elicitation_handler=ask) as client:
        print(json.dumps({"version": version("fastmcp")}), flush=True)
        # The client answers the server while it waits for the next order.
        while line := await asyncio.to_thread(sys.stdin.readline):
            try:
                answer = await carry_out(client, json.loads(line))
            except Exception as error:
                answer = {"failure": f"{type(error).__name__}: {error}"}
            print(json.dumps(answer), flush=True)


asyncio.run(main())
