import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import { addMeshCommands } from './mesh.ts';

const leavesOf = (command: Command): Command[] => (command.commands.length === 0 ? [command] : command.commands.flatMap(leavesOf));

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) }).outputHelp();
  return text;
}

test('every command of the mesh says how it is used, and answers programs too', () => {
  const program = new Command('palisade');
  addMeshCommands(program);
  const leaves = leavesOf(program);
  assert.ok(leaves.length >= 10, `${leaves.length} commands`);
  for (const command of leaves) {
    const help = helpOf(command);
    const name = `${command.parent?.name()} ${command.name()}`;
    const [, shown] = /\nExamples?:\n {2}palisade (\S+(?: \S+)?)/.exec(help) ?? [];
    assert.ok(shown !== undefined, `${name} has no example`);
    const path = command.parent === program ? [command.name(), ...command.aliases()] : [`${command.parent!.name()} ${command.name()}`];
    assert.ok(
      path.some((each) => shown.startsWith(each)),
      `${name}: "${shown}" is another command`,
    );
    assert.match(help, /-o, --output <format>/, name);
  }
});
