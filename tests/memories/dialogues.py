"""Conversations, and what a human reader would keep: events by a few of their words, facts by their topic.

A line that begins with "A: " is by the assistant, all others are by the user. They were written to be natural, not to
suit the rules: some contain facts that the rules miss, and some things that the rules keep unnecessarily.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Dialogue:
    """
    Attributes:
        events: for each event that is to be found, words that its summary has.
        facts: keys of profile facts, as "home", or "likes: jazz" where a topic may have several; with their value.
    """

    lines: tuple[str, ...]
    events: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()


def said(*lines: str, events: tuple[str, ...] = (), facts: dict[str, str] | None = None) -> Dialogue:
    return Dialogue(lines, events, tuple((facts or {}).items()))


DIALOGUES = [
    said("Hello, how is the weather today?", "A: Today is sunny, perfect for going out.", events=("weather today",)),
    said("Hi there!", "A: Hello! How can I help?", "Just saying hi.", "A: Nice to meet you."),
    said("My name is Ada and I live in London.", "A: Nice to meet you, Ada.", facts={"name": "Ada", "home": "London"}),
    said(
        "Hi, I'm Tom.",
        "A: Hi Tom!",
        "I work as a data engineer at Siemens.",
        facts={"name": "Tom", "occupation": "data engineer", "employer": "Siemens"},
    ),
    said("Last week I moved to Berlin.", "A: How exciting!", events=("moved to Berlin",), facts={"home": "Berlin"}),
    said(
        "I'm allergic to peanuts and shellfish.",
        "A: Noted, I will keep that in mind.",
        facts={"allergy: peanuts": "peanuts", "allergy: shellfish": "shellfish"},
    ),
    said("I'm a vegetarian, so no meat please.", "A: Of course.", facts={"diet": "vegetarian"}),
    said("Can you translate 'good morning' into French?", "A: Bonjour.", "Thanks!"),
    said("What is the capital of Australia?", "A: Canberra.", "Great, thank you."),
    said(
        "I have a dentist appointment on Thursday at 3pm.",
        "A: Shall I remind you?",
        "Yes, please.",
        "A: I've set a reminder for Thursday.",
        events=("dentist", "reminder for Thursday"),
    ),
    said(
        "Yesterday I ran my first marathon!",
        "A: Congratulations!",
        "It took me four hours and ten minutes.",
        events=("first marathon", "four hours"),
    ),
    said(
        "I love hiking and jazz, but I hate cilantro.",
        "A: Good to know.",
        facts={"likes: hiking": "hiking", "likes: jazz": "jazz", "dislikes: cilantro": "cilantro"},
    ),
    said(
        "My daughter Emma starts school next month.",
        "A: That is a big step.",
        events=("starts school",),
        facts={"daughter": "Emma"},
    ),
    said(
        "We adopted a puppy on Saturday. My dog is called Pip.",
        "A: How lovely.",
        events=("adopted a puppy",),
        facts={"dog": "Pip"},
    ),
    said("Could you explain what recursion is?", "A: A function that calls itself.", "Ok, makes sense."),
    said(
        "I'm 34 years old and I'm from Portugal.",
        "A: Thanks for telling me.",
        facts={"age": "34", "origin": "Portugal"},
    ),
    said("My favorite color is green.", "A: A calm colour.", facts={"favorite color": "green"}),
    said("I'm planning a trip to Japan in April.", "A: The cherry trees will be in bloom.", events=("trip to Japan",)),
    said(
        "I feel really stressed because my boss wants the report by Friday.",
        "A: Let us make a plan.",
        events=("stressed",),
    ),
    said(
        "I speak Spanish and English.",
        "A: Impressive.",
        facts={"speaks: spanish": "Spanish", "speaks: english": "English"},
    ),
    said(
        "My wife's name is Clara.",
        "A: Noted.",
        "Our anniversary is on June 12th.",
        events=("anniversary",),
        facts={"wife": "Clara"},
    ),
    said(
        "I quit my job at the bank last Friday.",
        "A: How do you feel about it?",
        "Relieved, honestly.",
        events=("quit my job",),
    ),
    said(
        "I joined Google as a product manager two weeks ago.",
        "A: Congratulations!",
        events=("joined Google",),
        facts={"employer": "Google", "occupation": "product manager"},
    ),
    said("Please write a haiku about rain.", "A: Rain on the window, ...", "Beautiful, thanks!"),
    said("Remember that my passport expires in March.", "A: I've noted it.", events=("passport expires",)),
    said("My birthday is on the 5th of May.", "A: I will not forget.", facts={"birthday": "5th of May"}),
    said(
        "I play the piano and I'm learning the violin.",
        "A: Two instruments!",
        events=("learning the violin",),
        facts={"plays: piano": "piano"},
    ),
    said("I can't eat gluten.", "A: I will suggest only dishes without it.", facts={"does not eat: gluten": "gluten"}),
    said(
        "Book me a table for two tonight at 8pm.",
        "A: I've booked a table for two at Luigi's at 8pm.",
        events=("booked a table",),
    ),
    said("What time is it now?", "A: It is ten past four."),
    said(
        "My flight to Madrid was cancelled this morning.",
        "A: I am sorry to hear that.",
        "I got a new one for tomorrow at 9am.",
        "A: Good.",
        events=("cancelled", "new one for tomorrow"),
    ),
    said(
        "I'm married and I have two kids.",
        "A: A full house.",
        facts={"marital status": "married", "has: two kids": "two kids"},
    ),
    said(
        "I grew up in Kerala, but now I live in Toronto.",
        "A: Quite a change of weather.",
        facts={"origin": "Kerala", "home": "Toronto"},
    ),
    said("I used to smoke, I stopped three years ago.", "A: Well done.", events=("stopped three years ago",)),
    said("We're having a baby in September!", "A: Congratulations!", events=("baby in September",)),
    said("How do I reverse a list in Python?", "A: Use reversed() or slicing.", "Perfect."),
    said("I'm a nurse and I work night shifts.", "A: That must be hard.", facts={"occupation": "nurse"}),
    said(
        "My car broke down on the highway yesterday.",
        "A: Are you all right?",
        "Yes, I'm fine.",
        events=("car broke down",),
    ),
    said("I don't like horror films anymore.", "A: I'll stop suggesting them.", events=("horror films",)),
    said("I bought a new laptop last month, a ThinkPad.", "A: A solid choice.", events=("new laptop",)),
    said(
        "My email is ada@example.org and my phone number is +44 20 7946 0958.",
        "A: Saved.",
        facts={"email": "ada@example.org", "phone": "+44 20 7946 0958"},
    ),
    said("The meeting with the investors was moved to Monday.", "A: Thanks for the update.", events=("investors",)),
    said("I think the weather is nice.", "A: It is."),
    said(
        "When is my next appointment?", "A: Your next appointment is on Tuesday at ten.", events=("next appointment",)
    ),
    said(
        "I have been studying medicine at Heidelberg University since 2021.",
        "A: How far along are you?",
        "I have two more years to go.",
        events=("two more years",),
        facts={"studies": "medicine", "university": "Heidelberg University"},
    ),
    said(
        "I enjoy cooking Italian food on weekends.",
        "A: What is your best dish?",
        "My lasagna is famous among my friends.",
        facts={"likes: cooking italian food": "cooking Italian food"},
    ),
    said(
        "I can't stand loud restaurants.",
        "A: I will look for quiet ones.",
        facts={"dislikes: loud restaurants": "loud restaurants"},
    ),
    said("I have asthma, so I avoid running in winter.", "A: That is wise.", facts={"health: asthma": "asthma"}),
    said("My son broke his leg at football practice on Sunday.", "A: Poor boy.", events=("broke his leg",)),
    said("I got promoted to team lead today!", "A: Well deserved.", events=("promoted",)),
    said("Tell me a joke.", "A: Why did the chicken cross the road?", "Haha."),
    said("I prefer tea over coffee.", "A: Tea it is.", facts={"likes: tea over coffee": "tea over coffee"}),
    said("I want to learn how to swim this summer.", "A: There are courses at the lake.", events=("swim this summer",)),
    said("Should I take an umbrella tomorrow?", "A: Yes, rain is expected from noon.", events=("umbrella tomorrow",)),
    said("Call me Sasha, please.", "A: Sure, Sasha.", facts={"name": "Sasha"}),
    said(
        "My grandmother passed away in 2019.",
        "A: I am sorry.",
        "She taught me how to bake bread.",
        events=("passed away", "bake bread"),
    ),
    said(
        "I need to renew my driving licence before the end of the year.",
        "A: Do you want a list of documents?",
        events=("driving licence",),
    ),
    said(
        "I'm German but I've lived in Oslo for ten years.",
        "A: Do you like it there?",
        facts={"nationality": "German", "home": "Oslo"},
    ),
    said("Thanks for your help yesterday!", "A: You're welcome."),
    said(
        "I'm into photography and board games.",
        "A: What do you photograph?",
        "Mostly birds.",
        facts={"likes: photography": "photography", "likes: board games": "board games"},
    ),
    said(
        "My sister Nora is visiting us next weekend.",
        "A: Do you have plans?",
        "We want to go to the zoo.",
        events=("visiting us", "the zoo"),
        facts={"sister": "Nora"},
    ),
    said(
        "I work at Spotify, and my team is moving to a new office in October.",
        "A: Where to?",
        events=("new office",),
        facts={"employer": "Spotify"},
    ),
    said(
        "I lost my wallet on the train.",
        "A: Did you report it?",
        "Yes, I called the police.",
        events=("lost my wallet", "called the police"),
    ),
    said("Which is better, tabs or spaces?", "A: Whatever your team uses.", "I use spaces."),
    said("I'm a big fan of Arsenal.", "A: A hard life.", facts={"likes: arsenal": "Arsenal"}),
    said("I turned 40 on Sunday.", "A: Happy birthday!", events=("turned 40",), facts={"age": "40"}),
    said("I'd like to know the price of the premium plan.", "A: It is 20 euros a month."),
    said(
        "We sold our house in Leeds in May and rented a flat near the sea.",
        "A: A fresh start.",
        events=("sold our house",),
    ),
    said("I never drink alcohol.", "A: I will leave wine out.", facts={"does not eat: alcohol": "alcohol"}),
    said("Sorry, I was away. What did you say?", "A: I asked for your order number.", "It's 4711."),
]
