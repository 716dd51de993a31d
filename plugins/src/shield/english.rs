//! How attacks are worded in English.
//!
//! Patterns read [`super::words::Words`]: small ASCII words, each followed by one space, and `|` between clauses.

use super::{
    Family::{Address, Leak, Output, Override, Role, Urgency},
    sign::Pattern,
};

/// Parts of patterns; one may name those that come after it.
pub(super) const PARTS: &[(&str, &str)] = &[
    // Where an order begins: with a clause, or after what says to whom it is.
    (
        "order",
        "(?:\\| (?:{softener} )*| {softener} |you (?:must|should|shall|will|need to|have to|are to|may|can) (?:now |also |just |simply |only |always )?|(?:want|ask|instruct|require|command|order|like|need|urge|authori[sz]e|allow|permit) you to (?:now |also )?| and | then | but )",
    ),
    (
        "softener",
        "(?:please|kindly|now|just|instead|also|first|immediately|simply|actually|hey|ok|okay|attention|important|ai|assistant|assistants|chatgpt|gpt|claude|llama|model|next|finally|so|but|and|then|hello|hi|therefore|always)",
    ),
    (
        "forget",
        "(?:ignore|disregard|overlook|forget|override|overrule|bypass|skip|neglect|abandon|discard|erase|delete|drop|cancel|dismiss|set aside|put aside|throw (?:away|out)|do not follow|dont follow|do not obey|pay no attention to|stop following|do not listen to)",
    ),
    (
        "earlier",
        "(?:above|previous|previously|prior|preceding|earlier|foregoing|former|existing|original|past|initial|old|other|before|current|given|last)",
    ),
    (
        "orders",
        "(?:instructions?|prompts?|directions?|directives?|commands?|rules?|guidance|guidelines?|orders|programming|restrictions|constraints|policies|policy|protocols?|safeguards|system message|filters?)",
    ),
    (
        "shown",
        "(?:text|content|contents|document|documents|article|page|context|conversation|messages?|requests?|tasks?|question|input|data|passages?|words|information|summary|everything|function|code|web ?page|table|paper|e ?mail|resume)",
    ),
    ("answer", "(?:answers?|reply|replies|responses?|summary|summaries|outputs?|translation|message)"),
    (
        "say",
        "(?:say|says|state|write|answer|reply|respond|report|claim|mention|include|tell|output|print|add|note|repeat|return|insist|pretend|recommend|conclude|show|list|end|begin|start|give|explain|describe)",
    ),
    (
        "model",
        "(?:ais?|a i|llms?|language models?|large language models?|ai (?:assistants?|models?|agents?|systems?|readers?)|(?:virtual |digital )?assistant|chatgpt|gpt|chatbots?|chat bots?|artificial intelligences?)",
    ),
    (
        "shape",
        "(?:add|include|insert|append|put|place|mention|begin|start|end|finish|conclude|close|prepend|enhance|augment|modify|render|format|group|anagram|replace|encode|integrate|embed|incorporate|weave|write|structure|present|deliver|craft|transform|convert|adjust|alter|apply|use|shuffle|reverse|remove|omit|scramble|spell|express|provide|give|make|turn|swap|translate|obfuscate|promote|suggest|recommend|attach|supplement|complement|extend|tailor|inject|advertise|highlight|offer|share|employ|state|repeat|say|claim|rearrange|substitute|alternate|capitali[sz]e|mask|interleave|conceal|hide|output|jumble|misspell|rearrange|tease|amend|revise|expand|enrich|pepper|sprinkle|finish|construct|compose|phrase|type|shift|double|invert|flip)",
    ),
    ("g", "(?:[a-z0-9~]+ )"),
    ("any", "(?:[a-z0-9~|]+ )"),
];

/// The patterns.
pub(super) const PATTERNS: &[Pattern] = &[
    (Override, 0.9, "{order}{forget} {g}{0,4}{earlier} {g}{0,2}{orders} "),
    (Override, 0.9, "{order}{forget} {g}{0,3}{orders} {g}{0,3}(?:{earlier}|so far|received|you) "),
    (
        Override,
        0.8,
        "{order}{forget} (?:all|any|every|your|these|those|its|all of|each)(?: of)? {g}{0,3}{orders} ",
    ),
    (
        Override,
        0.75,
        "{order}{forget} (?:the |all |any |every |everything |these |those |your |of |this |what |is |was )*{earlier} {g}{0,1}{shown} ",
    ),
    (
        Override,
        0.8,
        "{order}{forget} (?:everything|all|anything|what|whatever) {g}{0,6}(?:of you|to you|earlier|so far|previously) ",
    ),
    (
        Override,
        0.8,
        "{order}{forget} (?:all |everything |anything |whatever )?(?:of )?(?:that )?(?:is |was |came |comes |stands )?(?:the |written |said )?(?:above|before|foregoing|preceding)(?: this)? (?:and|\\||then|instead|ignore) ",
    ),
    (
        Override,
        0.85,
        "{order}{forget} (?:all|everything|anything|whatever|what)(?: that)? (?:you |i |we )?(?:have |has |had |were |was |ve |youve )?(?:been |just |ever )?(?:told|said|instructed|learned|learnt|given|read|written) ",
    ),
    (Override, 0.75, "{order}{forget} (?:this|the|that) {shown} (?:and|\\||then|instead) "),
    (
        Override,
        0.5,
        "{orders} {g}{0,5}(?:is|are|were) (?:now |hereby |all |no longer )?(?:void|null|invalid|cancelled|canceled|superseded|revoked|overridden|valid|obsolete|suspended|lifted|in effect) ",
    ),
    (
        Override,
        0.75,
        "\\| (?:your |the |my |here is (?:your |a |the )?)?(?:new|updated|real|actual|true|revised|next) (?:instructions?|task|directives?|orders|objective|assignment) (?:for you )?(?:\\||is|are|follow) ",
    ),
    (
        Override,
        0.75,
        "your (?:task|instructions?|role|objective|goal|job|assignment) (?:has|have) (?:now |just )?(?:been )?(?:updated|changed|replaced|overridden|superseded) ",
    ),
    (
        Override,
        0.75,
        "(?:system|safety|security|admin|instruction) override (?:engaged|mode|activated|enabled|on|\\|) ",
    ),
    (
        Override,
        0.75,
        "you (?:will|must|shall) (?:now |always )*(?:comply with|obey) (?:every|all|any|my|each) ",
    ),
    (
        Override,
        0.75,
        "{order}(?:follow|obey|do|use|adopt) (?:only )?(?:these|the following|my|this|those) {g}{0,2}(?:{orders}|steps|task|things) (?:instead|only|from now) ",
    ),
    (
        Role,
        0.9,
        "you are (?:now|no longer|henceforth|from now on|hereby) {g}{0,5}(?:ai|assistant|model|chatbot|bot|gpt|dan|pirate|agent|system|persona|character|unrestricted|uncensored|hacker|robot|machine|bound|restricted|limited) ",
    ),
    (
        Override,
        0.85,
        "{order}(?:ignora|ignorez|ignorad|ignorate|olvida|olvide|oublie|oubliez|dimentica|dimenticate|esque~a) {g}{0,4}(?:instrucciones|instructions|istruzioni|instru~~es) ",
    ),
    (
        Role,
        0.85,
        "you are (?:no longer|not) (?:bound|restricted|limited|constrained|subject to|an ai|a language model|an? {g}{0,2}language model|chatgpt) ",
    ),
    (
        Role,
        0.85,
        "you (?:will|shall|must|should|are to|are going to|have to|can) (?:now |always |only )*(?:respond|reply|answer|speak|talk|act|behave|write) (?:to {g}{0,6})?(?:as|like|in the role) ",
    ),
    (
        Role,
        0.75,
        "for the (?:remainder|rest) of (?:this|our|the) (?:chat|conversation|thread|session|dialogue) ",
    ),
    (Role, 0.75, "\\| (?:{softener} )*act as [a-z0-9~]+ \\| an? "),
    (Role, 0.75, "\\| (?:{softener} )*imagine (?:that )?you are {g}{0,4}(?:ai|model|chatbot|assistant|bot) "),
    (
        Role,
        0.45,
        "you (?:will|shall|must) (?:now |always |only |never |not )*(?:respond|reply|answer|emulate|refuse|generate|roleplay|output|obey) ",
    ),
    (
        Role,
        0.9,
        "you are (?:now )?{g}{0,3}(?:ai|assistant|model|chatbot|bot|agent) {g}{0,3}(?:without|with no|free of|that ignores|who ignores) ",
    ),
    (Role, 0.5, "\\| (?:{softener} )*(?:now )?you are (?:now|no longer) (?:a|an|called|named|the) "),
    (
        Role,
        0.85,
        "(?:from now on|from here on|from this point(?: on| onwards?)?|henceforth|going forward|starting now|as of now) (?:\\| )?(?:you (?:are|act|will|shall|must|answer|respond|reply|speak|behave|obey|only)|your|answer|respond|reply|act as|speak) ",
    ),
    (
        Role,
        0.85,
        "you(?: will| shall| must| should| are going to| are about to)? (?:now )?(?:act as|pretend to be|play the role|behave as|behave like|roleplay|role play|impersonate|simulate|immerse yourself) ",
    ),
    (
        Role,
        0.7,
        "\\| (?:{softener} )*(?:act as (?:if you|though you|an ai|my|an? (?:ai|virtual|chat|language|uncensored|unfiltered|unrestricted|evil|linux|helpful) )|pretend (?:to be|that you|you)|roleplay|role play|impersonate) ",
    ),
    (
        Role,
        0.85,
        "(?:new|updated|secret|hidden|following|begin|override) system (?:prompt|message|instructions?|role) (?:\\||is|follows|begins) ",
    ),
    (
        Role,
        0.85,
        "(?:enter|entering|enable|enabled|activate|activated|now in|switch to|switching to|engage|in|stay in) {g}{0,3}(?:god|jailbreak|override|unrestricted|dan|sudo|do anything) mode ",
    ),
    (
        Role,
        0.45,
        "(?:enter|entering|enable|enabled|activate|activated|now in|switch to|switching to|engage|in) {g}{0,3}(?:developer|debug|dev|maintenance|admin|root) mode ",
    ),
    (Role, 0.9, "do anything now "),
    (
        Role,
        0.45,
        "(?:without|no|free of|ignoring) (?:any |all )?(?:{g})?(?:restrictions|limitations|filters|censorship|ethical|moral|guardrails|safety) ",
    ),
    (
        Role,
        0.4,
        "(?:stay in character|break character|jailbreak|jailbroken|unfiltered|uncensored|as an ai|ai language model|language model) ",
    ),
    (
        Output,
        0.9,
        "your (?:next |final |whole |entire )?{answer} (?:must|should|shall|has to|have to|needs to|will|is to|may|can) (?:only |always |not |never |also |then |simply )*(?:say|state|contain|include|begin|start|end|consist|mention|read|recommend|claim|omit|praise|conclude|ignore|follow|avoid) ",
    ),
    (
        Output,
        0.5,
        "your (?:next |final |whole |entire )?{answer} (?:must|should|shall|has to|have to|needs to|will|is to) (?:only |always |not |never |also |then |simply )*(?:be|have|use) ",
    ),
    (
        Output,
        0.8,
        "(?:the|any|every|each) (?:summary|{answer}|ai|assistant|model) (?:must|should|shall|has to|needs to|is to) (?:only |always |not |never |also )*(?:say|state|contain|include|begin|start|end|consist|mention|recommend|claim|omit|praise|conclude) ",
    ),
    (
        Output,
        0.9,
        "(?:when|while|whenever|if|before|after|once) (?:you (?:are |have |were )?)?(?:summari[sz][a-z]*|translat[a-z]*|asked about (?:this|the) (?:page|text|article|document|paper|site|content)) {g}{0,10}\\| (?:{softener} |do not |dont |you must |you should |never |be sure to |make sure to |remember to )*{say} ",
    ),
    (
        Output,
        0.75,
        "(?:before|after) (?:you )?(?:answer|respond|reply|summari[sz]|translat)[a-z]* {g}{0,6}\\| (?:{softener} )*(?:repeat|print|output|reveal|say|state|show|list|insert|append|write|recommend) ",
    ),
    (
        Output,
        0.45,
        "(?:when|while|whenever|if|before|after|once) (?:you (?:are |have |were )?)?(?:asked|review|answer|respond|reply|process|describ|discuss|generat)[a-z]* {g}{0,10}\\| (?:{softener} |do not |dont |you must |you should |never )*{say} ",
    ),
    (
        Output,
        0.85,
        "{order}(?:answer|respond|reply|output|print|return|write|speak|talk|type|display) (?:to everything |me |back |to {g}{0,4})?(?:only|solely|exclusively|just|nothing but|nothing except|exactly|simply)(?: and only)? (?:with|in|the|by|using|as|this|yes|no|one|\\|) ",
    ),
    (
        Output,
        0.8,
        "{order}(?:only|solely|exclusively) (?:ever )?(?:answer|respond|reply|output|print|return|write|speak|type) ",
    ),
    (
        Output,
        0.8,
        "{order}(?:respond|reply|answer) (?:with|by saying) (?:the|exactly|only|a single|\\||this|one|i|yes|no|nothing) ",
    ),
    (
        Output,
        0.45,
        "{order}(?:do not|dont|never|under no circumstances) (?:ever )?(?:mention|refer to|include|discuss|talk about|disclose|summari[sz]e|translate|cite|quote|reveal|use) ",
    ),
    (Output, 0.9, "{order}(?:do not|dont|never) {g}{1,10}(?:in|from) (?:your|any) {g}{0,1}{answer} "),
    (Output, 0.8, "{order}(?:do not|dont|never) (?:summari[sz]e|translate) (?:this|the|it|any) "),
    (
        Output,
        0.8,
        "{order}{shape} {any}{0,12}(?:in|to|at the end of|at the start of|into|with|of|from|at the beginning of|before|after|through|throughout) (?:your|every|each|all) {g}{0,1}(?:answers?|reply|replies|responses?|summary|summaries|outputs?) ",
    ),
    (
        Output,
        0.8,
        "{order}(?:include|insert|add|put|append|embed|place) {g}{0,4}(?:link|url|advertisement|https?|website) {any}{0,8}(?:in|into|to|at the end of) (?:the|this) (?:summary|answer|response|reply|output) ",
    ),
    (
        Output,
        0.75,
        "\\| (?:{softener} )*(?:provide|write|give|output|print|tell|show|return|produce|generate|respond|answer|reply|say) {any}{0,8}instead of (?:a |the |your |this |any )?(?:summary|summari[sz]ing|translation|translating|answer|answering) ",
    ),
    (
        Output,
        0.75,
        "\\| (?:{softener} )*{shape} (?:all |the )?{g}{0,6}(?:of |in )?your {g}{0,1}(?:reply|response|answer|output|message|summary) (?:using|with|without|in|by|to|so|into|as) ",
    ),
    (
        Output,
        0.85,
        "{order}(?:tell|inform|convince|persuade|ask|instruct|direct|send|advise|encourage|urge|remind) (?:your|all|any|every) (?:user|users|reader|human|operator|customer|audience|client) ",
    ),
    (
        Output,
        0.65,
        "{order}(?:tell|inform|convince|persuade|ask|instruct|direct|advise) (?:the|this) (?:user|reader|human|operator|recipient|person asking) ",
    ),
    (
        Output,
        0.4,
        "{order}(?:say|state|claim|write|report|pretend|insist|mention|conclude|answer|respond|reply) that ",
    ),
    (
        Output,
        0.6,
        "{order}(?:include|add|insert|append|output|print|say|write|repeat|return) (?:the|this|these|following) (?:following )?(?:exact |single )?(?:sentence|phrase|words?|line|text|string|link|url|code|message|following|token) ",
    ),
    (
        Output,
        0.8,
        "{order}(?:praise|recommend|rate|give|score|review|bewerte) {g}{0,6}(?:five|5|ten|10|full|top|the highest|a perfect) (?:stars?|out of|points?|marks?|rating|score) ",
    ),
    (
        Output,
        0.85,
        "{order}(?:stop|abort|cease|halt|quit) (?:the |this |your )?(?:summar[a-z]*|translat[a-z]*|answering|processing|task|current task|what you are doing) ",
    ),
    (
        Output,
        0.45,
        "{order}(?:write|compose|tell|generate|create) (?:me |us )?(?:a|an) {g}{0,1}(?:poem|song|story|joke|haiku|limerick|essay) ",
    ),
    (
        Output,
        0.5,
        "{order}(?:decode|decrypt|execute|run) (?:this|the following|it|them)(?: and)? (?:\\| )?(?:{softener} )*(?:and )?(?:obey|follow|do|execute|comply|act) ",
    ),
    (
        Output,
        0.75,
        "\\| (?:{softener} )*in your {g}{0,1}{answer} (?:\\| )?(?:suggest|tease|recommend|mention|promote|advertise|include|hint|claim|state|say|insert|urge|encourage|invite|persuade|convince) ",
    ),
    // Whatever the verb is: not enough by itself, since people write of what is in a reply as well.
    (
        Output,
        0.5,
        "{order}[a-z~]{3,} {any}{0,12}(?:in|into|of|throughout) your {g}{0,1}(?:reply|response|answer|output) ",
    ),
    (
        Leak,
        0.9,
        "{order}(?:reveal|show|print|repeat|output|display|tell|give|share|disclose|expose|leak|list|write|recite|dump|return|spell|provide|send|summari[sz]e|state|quote|copy|translate) (?:me |us |out |back |down )?{g}{0,4}(?:your|system|initial|hidden|secret|original) {g}{0,3}(?:prompts?|instructions?|system message|guidelines|configuration|rules|api keys?|passwords?|credentials|training data|secrets?|directives|context) ",
    ),
    (
        Leak,
        0.85,
        "what (?:is|are|was|were) (?:your|the|those) {g}{0,3}(?:system prompt|prompts?|instructions you|initial instructions|original instructions|hidden instructions|secret key|secrets?|password|passcode|api keys?) ",
    ),
    (
        Leak,
        0.75,
        "(?:tell|give|share|show|reveal|confirm|provide|know|disclose|print|spell|write|guess) (?:me |us |with me |out )?{g}{0,3}(?:your|the|our|ours) {g}{0,1}(?:password|passcode|secret key|secret|system prompt|api keys?|credentials) ",
    ),
    (
        Leak,
        0.85,
        "{order}(?:append|send|post|upload|forward|attach|transmit|exfiltrate|submit|email|encode|add|copy|include) {g}{0,4}(?:conversation|chat history|chat log|system prompt|user data|personal data|message history|api keys?) ",
    ),
    (
        Address,
        0.8,
        "\\| (?:{softener} )*(?:dear|hello|hi|hey|attention|note to|message to|notice to|notice for|note for|instructions? (?:for|to)|reminder to|(?:a )?message for|to|for) (?:all |any |every |the |other |my |fellow )*(?:kind |helpful )?{model} {g}{0,2}(?:\\||reading|that|who|processing|summari|which|and|you) ",
    ),
    (
        Address,
        0.85,
        "{model} (?:that (?:is |are )?|who (?:is |are )?|which (?:is |are )?|currently )?(?:reading|reads|read|processing|processes|summarizing|summarising|parsing|analyzing) (?:this|these|the following|my) ",
    ),
    (Address, 0.85, "if you are (?:an? |the )?{g}{0,2}{model} "),
    (Address, 0.5, "\\| (?:ai|llm|ai assistant|ai model|language model|chatgpt|assistant)s? \\| "),
    (Address, 0.4, "as an? {g}{0,1}{model} (?:\\| )?you "),
    (
        Urgency,
        0.35,
        "\\| (?:very )?(?:urgent|important|attention|warning|critical|priority|override|alert|notice)(?: notice| message| update| instructions?)? \\| ",
    ),
    (Urgency, 0.3, "{order}{g}{0,6}(?:immediately|at once|right now|without delay) "),
];
