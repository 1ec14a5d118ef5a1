"""The client of a model's worker: no message waits for ever for its answer."""

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.slow  # a browser
START = """async (source) => {
  const { ModelClient } = await import("/modelClient.js");
  window.client = new ModelClient(source);
  window.results = [];
  window.ask = (type) => {
    const add = (text) => window.results.push(text);
    return window.client.ask({ type }).then((answer) => add(answer.type), (error) => add(error.message));
  };
}"""
WORKER = """self.onmessage = ({ data: { type, id } }) => {
  if (type === "crash") throw new Error("out of memory");
  if (type !== "ignore") self.postMessage({ type: type === "refuse" ? "error" : "done", message: "no", id });
};"""
STOPPED = "model: its worker stopped (Uncaught Error: out of memory); reload the page"
SILENT = "model: its worker did not answer within 20 s; reload the page"


def ask(page: Page, *types: str) -> list[str]:
    """Ask one message after another; return the types of the answers and the messages of errors.

    Each comes within 5 s, or is missing.
    """
    page.evaluate("window.results = []")
    for count, message_type in enumerate(types, 1):
        page.evaluate("(type) => { window.ask(type); }", message_type)
        for _ in range(100):
            if page.evaluate("window.results.length") == count:
                break
            page.wait_for_timeout(50)
    results: list[str] = page.evaluate("window.results")
    return results


def test_answers_and_refusals_come_back(script_page: Page) -> None:
    script_page.evaluate(START, WORKER)
    assert ask(script_page, "feed", "refuse", "feed") == ["done", "no", "done"]


def test_a_worker_that_stopped_is_named_and_later_messages_fail_at_once(script_page: Page) -> None:
    script_page.evaluate(START, WORKER)
    assert ask(script_page, "feed", "crash", "feed") == ["done", STOPPED, STOPPED]


def test_a_worker_that_does_not_start_is_named(script_page: Page) -> None:
    script_page.evaluate(START, "this is no script")
    (message,) = ask(script_page, "load")
    assert message.startswith("model: this browser does not start its worker")


def test_a_worker_that_does_not_answer_is_named_after_20_seconds(script_page: Page) -> None:
    script_page.clock.install(time=0)
    script_page.evaluate(START, WORKER)
    script_page.evaluate("() => { window.ask('ignore'); window.ask('ignore'); }")
    script_page.clock.fast_forward(19_900)
    assert script_page.evaluate("window.results") == []
    script_page.clock.fast_forward(200)
    assert script_page.evaluate("window.results") == [SILENT, SILENT]
    assert ask(script_page, "feed") == [SILENT]


def test_the_time_of_a_message_begins_with_the_answer_before_it(script_page: Page) -> None:
    """A slow phone that answers each message after 15 s has not stopped."""
    script_page.clock.install(time=0)
    script_page.evaluate(START, WORKER)
    script_page.evaluate("() => { window.ask('ignore'); window.ask('ignore'); }")
    script_page.clock.fast_forward(15_000)
    script_page.evaluate("window.client.settle({ type: 'done', id: 1 })")
    script_page.clock.fast_forward(15_000)
    assert script_page.evaluate("window.results") == ["done"]
    script_page.clock.fast_forward(5_100)
    assert script_page.evaluate("window.results") == ["done", SILENT]
