"""`vidfx doctor`."""

from __future__ import annotations

from dataclasses import asdict

import click

from vidfx.cli import options
from vidfx.cli.group import Command
from vidfx.errors import Terminated, Unavailable, as_ours


@click.command(
    "doctor",
    cls=Command,
    params=[options.JSON],
    short_help="Say what this machine can do.",
)
def doctor(json: bool) -> None:
    """Try every device, runtime, precision and encoder once, and say what a render would use and what could be added.

    Ends with 69 where a render with no options could not run.
    """
    from vidfx import doctor as clinic

    findings = []
    for finding in clinic.examine():
        findings.append(finding)
        if not json:
            mark = "ok" if finding.works else "NO" if finding.needed else "-"
            click.echo(f"{mark:<4} {finding.kind:<17} {finding.name:<22} {finding.said}".rstrip())
            if finding.hint:
                click.echo(f"{'':<45}{finding.hint}")
    try:
        uses, said = clinic.would_use(), clinic.verdict(findings)
    except Terminated:
        raise
    except Exception as error:  # a driver may raise anything
        uses, said = str(as_ours(error)), "not ready"
    if json:
        options.print_json({"verdict": said, "would_use": uses, "findings": [asdict(finding) for finding in findings]})
    else:
        click.echo(f"\na render would use: {uses}")
    if said != "ready":
        broken = ", ".join(finding.name for finding in findings if finding.needed and not finding.works)
        raise Unavailable(f"a render could not run here: {broken or uses}", hint="the lines above say why")
