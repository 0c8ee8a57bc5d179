"""The graphs of the example: real LangGraph, and a model that needs no network."""

from __future__ import annotations

import operator
from collections.abc import AsyncIterator
from typing import Annotated, Any, TypedDict

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.messages.ai import AIMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langgraph.graph import START, StateGraph
from langgraph.types import Send
from library import passages, words


class Extractor(BaseChatModel):
    """Says the first sentence of what it is given, word by word."""

    @property
    def _llm_type(self) -> str:
        return "extractor"

    def _answer(self, messages: list[BaseMessage]) -> str:
        parts = passages(str(messages[-1].content))
        return parts[0] if parts else ""

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage(self._answer(messages)))])

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for word in self._answer(messages).split():
            chunk = ChatGenerationChunk(message=AIMessageChunk(content=f"{word} "))
            if run_manager is not None:
                await run_manager.on_llm_new_token(f"{word} ", chunk=chunk)
            yield chunk


class State(TypedDict, total=False):
    text: str
    part: str
    counts: Annotated[list[int], operator.add]
    summary: str


def digest() -> Any:
    """Splits a text, counts the words of its parts side by side, and summarises it with the model."""
    model = Extractor()

    def split(state: State) -> list[Send]:
        return [Send("count", {"part": part}) for part in passages(state["text"])[:20]]

    async def check(state: State) -> State:
        if not state.get("text", "").strip():
            raise ValueError("there is no text to digest")
        return {}

    async def count(state: State) -> State:
        return {"counts": [len(words(state["part"]))]}

    async def summarise(state: State) -> State:
        answer = await model.ainvoke([HumanMessage(state["text"])])
        return {"summary": str(answer.content).strip()}

    graph = StateGraph(State)
    graph.add_node("check", check)
    graph.add_node("count", count)
    graph.add_node("summarise", summarise)
    graph.add_edge(START, "check")
    graph.add_conditional_edges("check", split, ["count"])
    graph.add_edge("count", "summarise")
    return graph.compile()
