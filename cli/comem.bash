# Completion of the comem command for bash: subcommands, options, names of stores, and their roots.

_comem_stores() {
    comem ls 2>/dev/null | awk 'NR > 1 && $1 !~ /^'\''/ && $1 !~ /\// { print $1 }'
}

# Of the store that stands before the word that is completed.
_comem_roots() {
    comem show "$1" 2>/dev/null | sed -n 's/^\([^ :]*\): .*/\1/p'
}

_comem() {
    local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} options=
    # pid:N is one word to comem and three to readline, which takes ':' for the end of one.
    if [[ ${COMP_WORDBREAKS} == *:* ]] && declare -F _get_comp_words_by_ref >/dev/null; then
        _get_comp_words_by_ref -n : word 2>/dev/null
    fi
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        COMPREPLY=($(compgen -W 'ls stat show check export import rm help --help --version' -- "$word"))
        return
    fi
    case $command in
    help)
        COMPREPLY=($(compgen -W 'ls stat show check export import rm' -- "$word"))
        return
        ;;
    ls | stat) options='--json --help' ;;
    show) options='--all --limit --json --help' ;;
    check) options='--all --repair --json --help' ;;
    export | import) options='--help' ;;
    rm) options='--force --help' ;;
    *) return ;;
    esac
    case $word in
    -*) COMPREPLY=($(compgen -W "$options" -- "$word")) ;;
    */*) COMPREPLY=($(compgen -f -- "$word")) ;;
    *)
        case $command:${COMP_WORDS[COMP_CWORD - 1]} in
        show:show) ;;
        show:-*) ;;
        show:*)
            COMPREPLY=($(compgen -W "$(_comem_roots "${COMP_WORDS[COMP_CWORD - 1]}")" -- "$word"))
            return
            ;;
        esac
        case $command in
        stat | show | check | export) COMPREPLY=($(compgen -W "$(_comem_stores)" -- "$word")) ;;
        rm) COMPREPLY=($(compgen -W "$(_comem_stores | grep -v '^pid:')" -- "$word")) ;;
        esac
        if declare -F __ltrim_colon_completions >/dev/null; then
            __ltrim_colon_completions "$word"
        fi
        ;;
    esac
}

complete -o default -F _comem comem # files where nothing else is known
