package main

import (
	"fmt"
	"io/fs"
	"regexp"
	"strings"
)

// comments are those that stand before a definition of a .proto file, or behind it
// on its line, by the definition's name: "Message", "Message.field", "Enum.VALUE".
// Descriptors of the Go packages do not have them.
type comments map[string]string

var (
	opens  = regexp.MustCompile(`^(?:message|enum) (\w+) \{(\})?`)
	fields = regexp.MustCompile(`^(?:(?:repeated|optional) )?(?:[\w.]+ )?(\w+) = \d+;(?: // (.*))?`)
)

// readComments reads all .proto files in dir. It knows the style that buf lint and
// our files keep: one definition a line, no nested messages.
func readComments(dir fs.FS) (comments, error) {
	names, err := fs.Glob(dir, "*.proto")
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("no .proto files")
	}
	found := make(comments)
	for _, name := range names {
		content, e := fs.ReadFile(dir, name)
		if e != nil {
			return nil, e
		}
		found.read(string(content))
	}
	return found, err
}

func (c comments) read(source string) {
	var within string
	var before []string
	for line := range strings.Lines(source) {
		line = strings.TrimSpace(line)
		if text, isComment := strings.CutPrefix(line, "//"); isComment {
			before = append(before, strings.TrimSpace(text))
			continue
		}
		if m := opens.FindStringSubmatch(line); m != nil {
			c.add(m[1], before, "")
			if m[2] == "" {
				within = m[1]
			}
		} else if m := fields.FindStringSubmatch(line); m != nil && within != "" {
			c.add(within+"."+m[1], before, m[2])
		} else if line == "}" {
			within = ""
		}
		before = nil
	}
}

func (c comments) add(name string, before []string, behind string) {
	if behind != "" {
		before = append(before, behind)
	}
	if len(before) > 0 {
		c[name] = strings.ReplaceAll(strings.Join(before, "\n"), "*/", "* /")
	}
}
