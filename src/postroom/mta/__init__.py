"""The mail transfer agent: SMTP in, the outbound queue, both through the desk."""
