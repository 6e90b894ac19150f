package api

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// WriteActionList writes ACTIONS.md: what the registry holds, for backend
// developers.
func WriteActionList(w io.Writer) error {
	var b strings.Builder
	b.WriteString(`# Actions of the HTTP API

Made by ` + "`make generate`" + ` from the registry; do not edit. [README.md](README.md) says how to call them.

A path is ` + "`/nimserver/<action>.action`" + `. ★ marks a required parameter. Limits of texts are in characters. Parameters that are not listed are ignored. Every answer has ` + "`code`" + `, and ` + "`desc`" + ` when that is not 200.

Every action may answer these codes beside its own: ` + describeCodes(commonCodes) + `.

## Supported

`)
	for _, name := range slices.Sorted(maps.Keys(actions)) {
		actions[name].describe(&b)
	}
	b.WriteString("## Not supported yet\n\nThese answer code 404.\n\n")
	for _, group := range slices.Sorted(maps.Keys(plannedByGroup)) {
		names := strings.Fields(plannedByGroup[group])
		slices.Sort(names)
		fmt.Fprintf(&b, "- `%s/`: %s\n", group, strings.Join(names, ", "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (act *action) describe(b *strings.Builder) {
	fmt.Fprintf(b, "### %s\n\n%s\n\n| parameter | value |\n|---|---|\n", act.name, act.about)
	for i := range act.params {
		p := &act.params[i]
		star := ""
		if p.required {
			star = "★ "
		}
		fmt.Fprintf(b, "| %s`%s` | %s |\n", star, p.name, p.describe())
	}
	fmt.Fprintf(b, "\n%s\n\n", act.returns())
	if len(act.codes) > 0 {
		b.WriteString("Codes: " + describeCodes(act.codes) + ".\n\n")
	}
	if limit := act.limitText(); limit != "" {
		b.WriteString(limit + "\n\n")
	}
	if len(act.ignored) > 0 {
		fmt.Fprintf(b, "Accepted without effect: %s.\n\n", strings.Join(act.ignored, ", "))
	}
}

// returns is a sentence about the answer.
func (act *action) returns() string {
	fields := act.answerFields()
	if len(fields) == 0 {
		return "Returns only the code."
	}
	outlines := make([]string, len(fields))
	for i := range fields {
		outlines[i] = "`" + fields[i].outline() + "`"
	}
	sentence := "Returns " + strings.Join(outlines, ", ")
	if mayMiss(fields) {
		sentence += ", without what is empty"
	}
	return sentence + "."
}

// describeCodes lists codes, the smallest first.
func describeCodes(codes []outcome) string {
	codes = slices.SortedFunc(slices.Values(codes), func(a, b outcome) int { return int(a.code) - int(b.code) })
	clauses := make([]string, len(codes))
	for i, o := range codes {
		clauses[i] = fmt.Sprintf("%d when %s", o.code, o.when)
	}
	return strings.Join(clauses, "; ")
}

func (p *param) describe() string {
	form := p.kind.info().words
	if limits := p.limits(); limits != "" {
		form += ", " + limits
	}
	if p.about != "" {
		form += ": " + p.about
	}
	return form
}
