"""Models that people edit, by hub name: what to know before one is fetched. No torch.

Sizes and layers are those of their configurations, which a test builds; licences and gating those of their hub pages in
2026. All of them have safetensors on their main branch but where a revision is named.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Preset:
    """One model of the hub."""

    name: str
    model_type: str
    n_parameters: int
    n_layers: int
    licence: str
    gated: bool  # its terms must be accepted on its hub page, and HF_TOKEN set
    revision: str = ""  # where its safetensors are, if the main branch has pickled weights only

    @property
    def named(self) -> str:
        """The name, and the revision to ask for."""
        return f"{self.name}, revision {self.revision}" if self.revision else self.name


PRESETS: Final = (
    Preset("openai-community/gpt2", "gpt2", 124_439_808, 12, "MIT", False),
    Preset("HuggingFaceTB/SmolLM2-360M", "llama", 361_821_120, 32, "Apache-2.0", False),
    Preset("Qwen/Qwen2.5-0.5B", "qwen2", 494_032_768, 24, "Apache-2.0", False),
    Preset("EleutherAI/pythia-1b", "gpt_neox", 1_011_781_632, 16, "Apache-2.0", False),
    Preset("openai-community/gpt2-xl", "gpt2", 1_557_611_200, 48, "MIT", False),
    Preset("Qwen/Qwen3-1.7B", "qwen3", 1_720_574_976, 28, "Apache-2.0", False),
    Preset("EleutherAI/gpt-j-6b", "gptj", 6_050_882_784, 28, "Apache-2.0", False, "refs/pr/40"),
    Preset("meta-llama/Llama-2-7b-hf", "llama", 6_738_415_616, 32, "Llama 2 Community License", True),
    Preset("Qwen/Qwen2.5-7B", "qwen2", 7_615_616_512, 28, "Apache-2.0", False),
    Preset("meta-llama/Llama-3.1-8B", "llama", 8_030_261_248, 32, "Llama 3.1 Community License", True),
)
