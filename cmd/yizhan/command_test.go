package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestHelpNamesOurCommands(t *testing.T) {
	n := &node{t: t, dir: t.TempDir()}
	out, err := n.yizhan("help")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, command := range []string{"quickstart", "chat", "tenant", "status", "validate", "reload"} {
		if !strings.Contains(out, "\n  "+command) {
			t.Errorf("help does not name %s", command)
		}
	}
	for _, command := range []string{"quickstart", "chat", "tenant", "status"} {
		if out, err := n.yizhan(command, "--help"); err != nil || !strings.Contains(out, "--") {
			t.Errorf("%s --help: %v\n%s", command, err, out)
		}
	}
}

func TestValidateAcceptsTheBundledCaddyfile(t *testing.T) {
	n := &node{t: t, dir: t.TempDir(), http: "127.0.0.1:7480", link: "127.0.0.1:7400", admin: "127.0.0.1:2019"}
	if out, err := n.yizhan("validate", "--config", "Caddyfile"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if left, _ := os.ReadDir(filepath.Join(n.dir, "data")); len(left) != 0 {
		t.Errorf("validate left %v in the data folder", left)
	}
}

func TestValidateSaysWhatIsWrong(t *testing.T) {
	n := &node{t: t, dir: t.TempDir()}
	for _, c := range []struct{ caddyfile, complaint string }{
		{"{\n yizhan {\n  node_id Node_1\n }\n}", "node_id"},
		{"{\n yizhan {\n  link udp/:7400\n }\n}", "use tcp"},
		{"{\n yizhan {\n  drian 3s\n }\n}", "unknown yizhan option"},
		{"{\n yizhan {\n  link :7400 {\n   queue 1KiB\n  }\n }\n}", "link queue"},
		{"{\n yizhan {\n  access_point pigeon im:7400\n }\n}", "access_point"},
		{"http://:80 {\n yizhan_api now\n}", "argument"},
	} {
		file := filepath.Join(t.TempDir(), "Caddyfile")
		if err := os.WriteFile(file, []byte(c.caddyfile), 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := n.yizhan("validate", "--config", file, "--adapter", "caddyfile")
		if exitCode(err) != 1 || !strings.Contains(out, c.complaint) {
			t.Errorf("%q: %v, want a complaint about %q, got\n%s", c.caddyfile, err, c.complaint, out)
		}
	}
}

// TestTheCaddyfilesOfThePagesAreValid validates every Caddyfile that the
// documentation shows.
func TestTheCaddyfilesOfThePagesAreValid(t *testing.T) {
	n := &node{t: t, dir: t.TempDir()}
	for _, page := range []string{"../../README.md", "../../caddymodules/README.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		blocks := strings.Split(string(text), "```caddyfile\n")[1:]
		if len(blocks) == 0 {
			t.Errorf("%s shows no Caddyfile", page)
		}
		for _, block := range blocks {
			block, _, _ = strings.Cut(block, "```")
			file := filepath.Join(t.TempDir(), "Caddyfile")
			if err := os.WriteFile(file, []byte(block), 0o644); err != nil {
				t.Fatal(err)
			}
			if out, err := n.yizhan("validate", "--config", file, "--adapter", "caddyfile"); err != nil {
				t.Errorf("%s: %v\n%s\n%s", page, err, block, out)
			}
		}
	}
}
