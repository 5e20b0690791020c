"""click, taught to load commands late, to read vidfx.toml, and to sort a command's options into sections."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from vidfx.config import read_config
from vidfx.errors import UsageError, nearest

_VARIABLE = "VIDFX_"
_MISSPELT = 0.9  # of a name like another: a letter or two in twelve
ORIGINS = "vidfx.cli.origins"
"""Key in a context's `meta`: which file gave which option."""
WIDTH = {"max_content_width": 100, "help_option_names": ["-h", "--help"]}


class Option(click.Option):
    """An option with a section on the help page and its own `VIDFX_*` variable, named after the long flag."""

    def __init__(self, *args: Any, section: str = "Options", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.section = section
        self.envvar = self._variable(self.opts)

    @staticmethod
    def _variable(names: list[str]) -> str:
        long = next(name for name in names if name.startswith("--"))
        return _VARIABLE + long[2:].upper().replace("-", "_")

    def variables(self) -> list[str]:
        """Its own name among the variables, and its opposite's."""
        return [str(self.envvar), *([self._variable(self.secondary_opts)] if self.secondary_opts else [])]

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """Also takes the opposite's name: VIDFX_NO_AUDIO=1 is VIDFX_AUDIO=0."""
        name = self.variable_set()
        if name == self.envvar:
            return super().resolve_envvar_value(ctx)
        try:
            return str(not click.BOOL.convert(os.environ[name], self, ctx))
        except click.BadParameter as error:
            said = f"{error.message} (from {name})"  # click would name the flag alone
            raise click.BadParameter(said, ctx, self) from None

    def variable_set(self) -> str:
        """The variable that says it: its own, or its opposite's where that alone says anything."""
        opposite = self._variable(self.secondary_opts) if self.secondary_opts else ""
        own = str(self.envvar)
        return opposite if os.environ.get(opposite) and not os.environ.get(own) else own


class Command(click.Command):
    """A command whose help page has sections."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["context_settings"] = WIDTH | kwargs.get("context_settings", {})
        super().__init__(*args, **kwargs)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            rest = super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx  # click's parser forgets whose option lacks its value
            raise
        if not ctx.resilient_parsing:
            self._refuse_misspelt(ctx)
        return rest

    def invoke(self, ctx: click.Context) -> Any:
        from vidfx.heap import keep_freed_memory  # no help page needs it

        keep_freed_memory()
        return super().invoke(ctx)

    def variables(self) -> set[str]:
        """The names of all variables that it reads."""
        return {name for option in self.params if isinstance(option, Option) for name in option.variables()}

    def _refuse_misspelt(self, ctx: click.Context) -> None:
        """A variable that nobody reads, and that is spelled like one of this command's, is a slip."""
        known = self.variables()
        for name in sorted(name for name in os.environ if name.startswith(_VARIABLE) and name not in known):
            near = nearest(name, known, like=_MISSPELT)
            if near and name not in _all_variables(ctx.find_root().command, ctx):
                raise UsageError(f"no setting is called {name}", hint=f"did you mean {near}?")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
            if record is not None:
                sections.setdefault(getattr(parameter, "section", "Options"), []).append(record)
        for title in sorted(sections, key=lambda title: title == "Options"):  # --help last
            with formatter.section(title):
                formatter.write_dl(sections[title], col_max=34)


class LazyGroup(click.Group):
    """A group that knows its commands by name and loads one (`module:attribute`) when it is asked for.

    Called without a command, it shows its help.
    """

    def __init__(self, *args: Any, commands_at: Mapping[str, str], **kwargs: Any) -> None:
        kwargs["context_settings"] = WIDTH | kwargs.get("context_settings", {})
        kwargs |= {"invoke_without_command": True, "subcommand_metavar": "COMMAND [ARGS]..."}
        super().__init__(*args, **kwargs)
        self.commands_at = commands_at

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands_at)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.commands_at:
            return None
        module, _, name = self.commands_at[cmd_name].partition(":")
        command = getattr(import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands_at and not args[0].startswith("-"):
            close = nearest(args[0], self.commands_at)
            known = f"commands: {', '.join(self.commands_at)}"
            hint = f"did you mean `{ctx.command_path} {close}`?" if close else known
            raise UsageError(f"no command '{args[0]}'", hint=hint)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        result = super().invoke(ctx)
        if ctx.invoked_subcommand is None:
            click.echo(ctx.get_help())
        return result


class TopGroup(LazyGroup):
    """The outermost group: reads the settings files, unless the user only asks for help."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        asks_for_help = not args or not {"-h", "--help"}.isdisjoint(args)
        rest = super().parse_args(ctx, args)
        if not asks_for_help and not ctx.resilient_parsing:
            config = read_config(self)
            ctx.default_map = config.values
            ctx.meta[ORIGINS] = config.origin
        return rest


def _all_variables(command: click.Command, ctx: click.Context) -> set[str]:
    """Those of a command and of all below it, which it loads."""
    if isinstance(command, click.Group):
        below = (command.get_command(ctx, name) for name in command.list_commands(ctx))
        return {name for one in below if one for name in _all_variables(one, ctx)}
    return command.variables() if isinstance(command, Command) else set()


def origin_of(ctx: click.Context, parameter: click.Parameter) -> str:
    """Where an option's value came from, for people: a variable's name, a file's, or nothing for a flag."""
    source = ctx.get_parameter_source(parameter.name or "")
    if source is click.core.ParameterSource.ENVIRONMENT:
        return parameter.variable_set() if isinstance(parameter, Option) else str(parameter.envvar)
    if source is click.core.ParameterSource.DEFAULT_MAP:
        command = tuple(ctx.command_path.split()[1:])
        path = ctx.meta.get(ORIGINS, {}).get((*command, parameter.name))
        return str(path) if path else ""
    return ""
