"""Words that the rules know."""

from __future__ import annotations

import re
from typing import Final

__all__ = [
    "DIETS",
    "FEELING",
    "FILLER",
    "FIRST_PERSON",
    "LANGUAGES",
    "NATIONALITIES",
    "OCCUPATION",
    "PAST",
    "PLAN",
    "PLEASANTRY",
    "RELATION",
    "RELATIONS",
    "TIME",
]


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


DIETS: Final = (
    "vegan", "vegetarian", "pescatarian", "flexitarian", "lactose[- ]intolerant", "gluten[- ]free",
    "gluten[- ]intolerant", "coeliac", "celiac", "kosher", "teetotal",
)  # fmt: skip

LANGUAGES: Final = frozenset(
    _words(
        "arabic bengali cantonese chinese czech danish dutch english finnish french german greek gujarati hebrew "
        "hindi hungarian indonesian italian japanese korean mandarin norwegian persian polish portuguese punjabi "
        "romanian russian spanish swahili swedish tamil telugu thai turkish ukrainian urdu vietnamese"
    )
)

NATIONALITIES: Final = frozenset(
    _words(
        "american argentinian australian austrian belgian brazilian british bulgarian canadian chilean chinese "
        "colombian croatian czech danish dutch egyptian english estonian finnish french german greek hungarian "
        "indian indonesian iranian irish israeli italian japanese kenyan korean latvian lithuanian mexican "
        "moroccan nigerian norwegian pakistani peruvian polish portuguese romanian russian scottish serbian slovak "
        "slovenian spanish swedish swiss taiwanese thai turkish ukrainian vietnamese welsh"
    )
)

_JOBS: Final = (
    "teacher nurse doctor engineer developer programmer student lawyer designer architect accountant chef cook "
    "baker pilot "
    "writer author journalist editor translator musician singer actor actress painter photographer carpenter "
    "plumber "
    "electrician mechanic farmer gardener florist dentist surgeon veterinarian vet pharmacist scientist physicist "
    "chemist "
    "biologist mathematician statistician economist psychologist therapist professor lecturer researcher librarian "
    "manager "
    "consultant analyst salesperson cashier waiter waitress bartender barista driver courier firefighter paramedic "
    "soldier "
    "officer policeman policewoman detective judge secretary receptionist administrator banker broker entrepreneur "
    "founder "
    "freelancer trainer coach athlete dancer tailor hairdresser barber butcher cleaner builder bricklayer welder "
    "technician "
    "operator tester recruiter marketer producer director intern apprentice postdoc midwife physiotherapist "
    "optician sailor "
    "fisherman beekeeper geologist astronomer historian archaeologist sociologist linguist interpreter novelist "
    "poet"
)
OCCUPATION: Final = re.compile("|".join(_JOBS.split()), re.IGNORECASE)

RELATIONS: Final = (
    "wife|husband|partner|girlfriend|boyfriend|fianc[e\u00e9]e?|son|daughter|sister|brother|mother|mom|mum|father|"
    "dad|"
    "grandmother|grandfather|grandma|grandpa|aunt|uncle|cousin|niece|nephew|dog|cat|puppy|kitten|parrot|rabbit|"
    "hamster|"
    "horse|boss|roommate|flatmate|best friend|colleague|neighbou?r"
)

RELATION: Final = re.compile(RELATIONS)

FIRST_PERSON: Final = re.compile(
    r"\b(?:I|me|my|mine|we|us|our|ours)\b|\bI'(?:m|ve|d|ll)\b|\bwe'(?:re|ve|d|ll)\b", re.IGNORECASE
)

_MONTHS: Final = "january|february|march|april|june|july|august|september|october|november|december"
TIME: Final = re.compile(
    r"\b(?:yesterday|today|tonight|tomorrow|(?:this|last|next|coming|every) "
    r"(?:week|weekend|month|year|morning|afternoon|evening|night|spring|summer|autumn|fall|winter|semester|quarter|"
    r"\w+day)|"
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day|(?:a|an|one|two|three|four|five|six|several|a few|\d+) "
    r"(?:minute|hour|day|week|month|year)s? ago|in (?:a|an|one|two|three|four|five|six|\d+) (?:hour|day|week|month|"
    r"year)s?|"
    rf"(?:{_MONTHS})|in may|on the \d|\d{{1,2}}(?:st|nd|rd|th)|\d{{1,2}}(?::\d\d)? ?(?:am|pm)|at "
    rf"\d{{1,2}}(?::\d\d)?|noon|"
    r"since \w+|(?:in|since|by) (?:19|20)\d\d|\d{4}-\d\d-\d\d|recently|just now|earlier|lately)\b",
    re.IGNORECASE,
)

_IRREGULAR: Final = (
    "went saw bought met got had made took came gave found left lost won began started broke ran ate drank slept "
    "wrote read "
    "spent taught thought felt told said sold sent built caught chose drove fell flew forgot grew heard held hurt "
    "kept knew "
    "led paid put rode rang rose sang sat shot showed spoke stood swam threw woke wore did became brought fought "
    "hit cut quit "
    "beat bit blew hid lent was were gone done been"
)
# A verb in the past tense after its subject.
PAST: Final = re.compile(
    r"\b(?:I|we|my [\w' ]{1,30}?|our [\w' ]{1,30}?)(?:'ve| have| has|'d| had)?"
    r"(?: (?:just|finally|also|already|recently|really|actually|almost|never|both|all|only|accidentally|even))*"
    rf" (?:\w{{2,}}ed|{'|'.join(_IRREGULAR.split())})\b",
    re.IGNORECASE,
)
PLAN: Final = re.compile(
    r"\b(?:I|we)(?:'ll| will|'m going to|'re going to| am going to| are going to|'m gonna| plan(?: on| to)| need "
    r"to| have to|"
    r" must| hope to|'d like to| would like to| want to| intend to| decided to| should(?= \w)|'m about to)\b|"
    r"\b(?:I|we)(?:'m| am|'re| are)(?: (?:currently|now|also|still|just))* (?:planning|learning|training|preparing|"
    r"thinking of|"
    r"thinking about|looking for|looking forward|working on|trying to|trying|getting|having|going|starting|moving|"
    r"flying|"
    r"travel\w+|visiting|meeting|reading|writing|building|saving|organi[sz]ing|taking|leaving|expecting|waiting|"
    r"renovating|"
    r"hosting|celebrating|struggling|recovering)\b|"
    r"\bmy [\w' ]{1,40} (?:is|are) (?:on|at|in|due|coming|arriving|visiting|getting|moving|starting|having|next|"
    r"sick|ill|"
    r"broken|expecting)\b",
    re.IGNORECASE,
)
FEELING: Final = re.compile(
    r"\bI(?:'m| am|'ve been| have been|'m feeling| feel)(?: (?:so|really|very|a bit|quite|pretty|feeling|still|a "
    r"little|"
    r"extremely|super))* (?:worried|stressed|sick|tired|exhausted|afraid|nervous|anxious|sad|depressed|lonely|"
    r"excited|"
    r"overwhelmed|angry|frustrated|proud|ill|burned out|burnt out|upset|scared|disappointed|homesick)\b",
    re.IGNORECASE,
)

_POLITE: Final = (
    r"(?:hi|hello|hey|good (?:morning|afternoon|evening|night)|thanks|thank you|cheers|ok|okay|sure|great|cool|"
    r"nice|perfect|"
    r"awesome|wonderful|fantastic|excellent|yes|yeah|no|nope|bye|goodbye|see you|talk (?:to you )?(?:later|soon)|"
    r"got it|"
    r"i see|i understand|understood|makes sense|sounds good|good (?:idea|point|to know)|how are you(?: doing)?|"
    r"how's it going|what's up|never ?mind|no problem|you're welcome|that's (?:all|it|great|nice|helpful|right|"
    r"fine|good|"
    r"true|perfect|kind)|i(?:'m| am) (?:fine|good|ok|okay|well|doing well|here|back)|i (?:agree|think so|guess so?|"
    r"hope so|"
    r"don't know|love it|like (?:it|that)|appreciate (?:it|that))|(?:very |so )?(?:much|good|helpful)|interesting|"
    r"right|wow|"
    r"lol|haha|please|welcome|exactly|indeed|same here|let me (?:think|see|check)|one (?:moment|second))"
)
PLEASANTRY: Final = re.compile(
    rf"(?:{_POLITE}(?:[ ,.!?]+(?:and|then|there|everyone|again|for (?:that|this|the \w+|your \w+|now|today|"
    rf"everything|asking|helping)|"
    r"today|later|soon|tomorrow|you|so|much|a lot|very|too|me|to me|in advance))*[\s,.!?)(:;-]*)+",
    re.IGNORECASE,
)
# Statements about the conversation itself, or about nothing in particular.
FILLER: Final = re.compile(
    r"\bI(?:'d| would)? (?:like|love|want|wanted|need|was wondering|wonder|mean|meant|said|asked|guess|think|"
    r"thought|suppose|"
    r"have|had|got)(?: to)? (?:know|ask|hear|understand|see|you|your|help|some help|advice|some advice|a question|"
    r"another "
    r"question|one more question|if you|what you|that's|so|it was|it would|it's|no idea|to ask|to know|information|"
    r"more info\w*)\b|"
    r"\bI(?:'ll| will) (?:try that|try it|do that|check|think about it|let you know|take it|keep that in mind|be "
    r"back|have a look|"
    r"look into (?:it|that)|see|talk)\b|\bI(?:'m| am) (?:looking for (?:advice|help|information)|trying to "
    r"understand|"
    r"having trouble understanding|wondering|curious)\b|\bI (?:didn't|did not) (?:know|understand|mean)\b|"
    r"\b(?:can|could|would) you\b|\bwe (?:talked|were talking|discussed) (?:about|earlier)\b",
    re.IGNORECASE,
)
