package api

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// WriteActionList writes ACTIONS.md: what the registry holds, for backend
// developers.
func WriteActionList(w io.Writer) error {
	var b strings.Builder
	b.WriteString(`# Actions of the HTTP API

Made by ` + "`make generate`" + ` from the registry; do not edit. [README.md](README.md) says how to call them.

A path is ` + "`/nimserver/<action>.action`" + `. ★ marks a required parameter. Limits of texts are in characters. Parameters that are not listed are ignored. Every answer has ` + "`code`" + `, and ` + "`desc`" + ` when that is not 200.

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
	b.WriteByte('\n')
	if act.returns == "" {
		b.WriteString("Returns only the code.\n\n")
	} else {
		fmt.Fprintf(b, "Returns %s.\n\n", act.returns)
	}
	if act.perMinute > 0 {
		fmt.Fprintf(b, "At most %d calls a minute.\n\n", act.perMinute)
	}
	if len(act.ignored) > 0 {
		fmt.Fprintf(b, "Accepted without effect: %s.\n\n", strings.Join(act.ignored, ", "))
	}
}

func (p *param) describe() string {
	var form string
	switch p.kind {
	case text:
		form = "text"
	case jsonText:
		form = "JSON"
	case account:
		form = "account"
	case accounts:
		form = "JSON array of accounts"
	case boolean:
		form = "true or false"
	case number:
		form = "number, " + strconv.FormatInt(p.least, 10) + "–" + strconv.FormatInt(p.most, 10)
	}
	if p.max > 0 {
		form += ", ≤ " + strconv.Itoa(p.max)
	}
	if p.about != "" {
		form += ": " + p.about
	}
	return form
}
