"""Language models that are asked over the network, where a program names a server. Nothing else here opens a socket.

from vicinal.llm import OpenAIServer

model = OpenAIServer("llama3.2", "http://localhost:11434/v1")
model.generate("Which of the planets is the largest?")
"""

from .openai_server import OpenAIServer

__all__ = ["OpenAIServer"]
