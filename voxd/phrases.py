"""The stock phrases that voxd brings along, by language: what is said without a model. Pure data.

They are the defaults of `[phrases.LANGUAGE]`. A language that is not here needs a whole table of
its own in the config: an apology in a language that the caller does not speak is none.
"""

from collections.abc import Mapping

SHIPPED: Mapping[str, Mapping[str, str | tuple[str, ...]]] = {
    "en": {
        "greeting": "Hello! Thank you for calling. How can I help you today?",
        "reprompt": "Are you still there?",
        "did_not_catch": "I'm sorry, I didn't catch that. Could you please repeat?",
        "too_slow": "I apologize, I'm taking too long. Could you repeat that?",
        "failure": (
            "I'm sorry, something went wrong on our side. Please call again in a few minutes."
        ),
        "goodbye": "Thank you for calling. Goodbye!",
        "time_warning": "I should mention that we have about half a minute left.",
        "hand_over": "I'm sorry, something went wrong on our side. Please hold the line.",
        "no_answer": "I'm sorry, nobody can take your call right now.",
        "leave_message": "Please leave a message after the tone.",
        "message_taken": "Thank you, we have your message. Goodbye!",
        "machine_message": (
            "Hello! We tried to reach you. Please call us back when you have a moment. Goodbye!"
        ),
        "busy": (
            "I'm sorry, all our lines are busy at the moment. Please call again in a few minutes."
        ),
        "closing": (
            "I'm sorry, our system is about to restart, so I have to end this call."
            " Please call again in a minute. Goodbye!"
        ),
        "transferring": "One moment, I'll put you through.",
        "fillers": ("Let me check that for you.", "One moment, please."),
        "common": ("Is there anything else I can help you with?", "You're welcome!"),
    },
    "es": {
        "greeting": "¡Hola! Gracias por llamar. ¿Cómo puedo ayudarle hoy?",
        "reprompt": "¿Sigue usted ahí?",
        "did_not_catch": "Lo siento, no entendí. ¿Podría repetir, por favor?",
        "too_slow": "Disculpe, estoy tardando demasiado. ¿Podría repetirlo?",
        "failure": (
            "Lo siento, ha habido un problema de nuestra parte."
            " Por favor, llame de nuevo en unos minutos."
        ),
        "goodbye": "Gracias por llamar. ¡Adiós!",
        "time_warning": "Le aviso de que nos queda alrededor de medio minuto.",
        "hand_over": "Lo siento, ha habido un problema de nuestra parte. Por favor, no cuelgue.",
        "no_answer": "Lo siento, nadie puede atender su llamada en este momento.",
        "leave_message": "Por favor, deje un mensaje después de la señal.",
        "message_taken": "Gracias, hemos recibido su mensaje. ¡Adiós!",
        "machine_message": (
            "¡Hola! Hemos intentado hablar con usted."
            " Por favor, llámenos cuando tenga un momento. ¡Adiós!"
        ),
        "busy": (
            "Lo siento, todas nuestras líneas están ocupadas en este momento."
            " Por favor, llame de nuevo en unos minutos."
        ),
        "closing": (
            "Lo siento, nuestro sistema va a reiniciarse y debo terminar esta llamada."
            " Por favor, llame de nuevo en un minuto. ¡Adiós!"
        ),
        "transferring": "Un momento, le comunico.",
        "fillers": ("Déjeme verificar eso para usted.", "Un momento, por favor."),
        "common": ("¿Hay algo más en que pueda ayudarle?", "¡De nada!"),
    },
}
