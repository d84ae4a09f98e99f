"""The AgentMail dialect, `/v0`: the wire that the official clients of that service speak."""
