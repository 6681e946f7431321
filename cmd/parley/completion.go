package main

import (
	"io"

	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
)

// completionCommand prints a script for a shell. The scripts know nothing of
// parley: they ask it, see completeCommand.
type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help is what kong shows below the short help.
func (*completionCommand) Help() string {
	return `The script completes commands, flags and their values, the names of profiles, files, and the names of functions: to know them it asks the server that stands on the line, logs in there as the command would, and waits a second at most.`
}

func (c *completionCommand) run(std terminal.Streams) error {
	_, err := io.WriteString(std.Out, map[string]string{"bash": bashScript, "zsh": zshScript, "fish": fishScript}[c.Shell])
	return err
}

// bashScript puts words together that bash has taken apart, at the colon of a URL
// and at the equals sign of a flag, and takes the parts before the last one off
// what is proposed. It needs no other package, and works from bash 3.2 on.
const bashScript = `# bash completion for parley
_parley() {
	local IFS=$' \t\n' line=${COMP_LINE:0:COMP_POINT} last= i piece
	local -a words=()
	for ((i = 0; i <= COMP_CWORD; i++)); do
		piece=${COMP_WORDS[i]}
		if ((i == COMP_CWORD)); then
			[[ $line == [[:space:]]* ]] && words+=("") line=${line#"${line%%[![:space:]]*}"}
			piece=$line
		fi
		if [[ $line == [[:space:]]* ]] || ((i == 0)); then
			words+=("")
			line=${line#"${line%%[![:space:]]*}"}
		fi
		line=${line#"$piece"}
		words[${#words[@]}-1]+=$piece
	done
	last=${words[${#words[@]}-1]}
	local glued=${last%"$piece"} proposal what
	COMPREPLY=()
	while IFS=$'\t' read -r proposal what; do
		if [[ $proposal == :files ]]; then
			compopt -o filenames 2>/dev/null
			local file name=${last#"$what"}
			while IFS= read -r file; do
				file=$what$file
				COMPREPLY+=("${file#"$glued"}")
			done < <(compgen -f -- "$name")
		else
			COMPREPLY+=("${proposal#"$glued"}")
		fi
	done < <("${COMP_WORDS[0]}" __complete -- "${words[@]:1}" 2>/dev/null </dev/null)
}
complete -F _parley parley
`

const zshScript = `#compdef parley
_parley() {
	local line proposal what
	local -a words_so_far list shown
	words_so_far=("${(@Q)words[2,CURRENT]}")
	while IFS= read -r line; do
		proposal=${line%%$'\t'*} what=${line#*$'\t'}
		if [[ $proposal == :files ]]; then
			[[ -n $what ]] && compset -P "${(b)what}"
			_files
			continue
		fi
		list+=("$proposal")
		shown+=("$proposal${what:+  -- $what}")
	done < <("${(Q)words[1]}" __complete -- "${words_so_far[@]}" 2>/dev/null </dev/null)
	(( $#list )) && compadd -l -d shown -- "${list[@]}"
}
if [[ $funcstack[1] == _parley ]]; then
	_parley "$@"
else
	compdef _parley parley
fi
`

const fishScript = `# fish completion for parley
function __parley_complete
	set -l words (commandline -opc) (commandline -ct)
	set -l last (commandline -ct)
	for line in ($words[1] __complete -- $words[2..-1] 2>/dev/null </dev/null)
		set -l parts (string split -m 1 \t -- $line)
		if test "$parts[1]" = :files
			set -l name (string sub -s (math (string length -- "$parts[2]") + 1) -- "$last")
			for file in (__fish_complete_path "$name")
				echo -- $parts[2]$file
			end
		else
			echo -- $line
		end
	end
end
complete -c parley -f -a '(__parley_complete)'
`
