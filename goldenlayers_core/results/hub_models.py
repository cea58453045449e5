"""What a search of the model hub found."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HubModel:
    """One model of the hub, as the hub describes it; nothing of it was fetched."""

    name: str  # owner/name
    n_parameters: int  # as the hub counts the safetensors; 0: it does not say
    licence: str  # as its tags name it; "": they name none
    gated: bool  # its terms must be accepted on its page, and a token set
    model_type: str  # as in its config.json; "": the hub does not say
    against: str  # why it cannot be loaded here, as far as its model type tells; "": nothing is known against it
