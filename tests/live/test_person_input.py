"""The steps of a message are tried in order; what each does is in the tests of the steps."""

from pipeline.live.person_input import PersonInput


class Step:
    def __init__(self, takes=()):
        self.takes = takes
        self.messages = []

    def handle_message(self, message):
        self.messages.append(message)
        return message in self.takes


def test_a_message_that_is_learned_goes_no_further():
    learned, keyboard = Step(takes=[(0x90, 21, 70)]), Step()
    person = PersonInput(learned, keyboard)
    for message in ((0x90, 21, 70), (0x90, 60, 70)):
        person.handle_message(message)
    assert keyboard.messages == [(0x90, 60, 70)]
