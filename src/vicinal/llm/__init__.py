"""Language models: behind a server named by the program, or in a GGUF file on this machine.

from vicinal.llm import GGUFModel, OpenAIServer

model = OpenAIServer("llama3.2", "http://localhost:11434/v1")
model.generate("Which of the planets is the largest?")

with GGUFModel("models/llama-2-7b-q4.gguf") as model:
    model.generate("Which of the planets is the largest?")

Importing this package loads none of the optional packages.
"""

from .contract import ChatModel
from .gguf import GGUFModel, can_run_gguf
from .openai_server import OpenAIServer
from .sampling import Completion, Sampling

__all__ = ["ChatModel", "Completion", "GGUFModel", "OpenAIServer", "Sampling", "can_run_gguf"]
