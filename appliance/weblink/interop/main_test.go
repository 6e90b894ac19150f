package interop_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience bounds every wait for something that must happen. No test needs it to
// pass.
const patience = time.Minute

// scripts are the files that Node needs, relative to this folder.
var scripts = []string{".npmrc", "package.json", "package-lock.json", "matrix.mjs", "gateway.mjs", "lib", "cases", "gateway", "examples"}

// workshop is a copy of the scripts with the packages that they import, made once
// for all tests.
var workshop struct {
	sync.Once
	dir     string
	missing string // what there has to be for the tests to run
	err     error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if workshop.dir != "" {
		if err := os.RemoveAll(workshop.dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// folder is where the scripts are ready to run. It skips the test when this
// machine cannot run them.
func folder(t *testing.T) string {
	t.Helper()
	workshop.Do(func() { workshop.missing, workshop.err = prepare() })
	switch {
	case workshop.missing != "":
		t.Skipf("NOT TESTED with the stock client: %s", workshop.missing)
	case workshop.err != nil:
		t.Fatal(workshop.err)
	}
	return workshop.dir
}

func prepare() (missing string, err error) {
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			return tool + " is not in PATH; install Node.js 20 or newer with npm", nil
		}
	}
	version, err := exec.Command("node", "--version").Output()
	if err != nil {
		return "", fmt.Errorf("node --version: %w", err)
	}
	var major int
	if _, err := fmt.Sscanf(string(version), "v%d.", &major); err != nil || major < 20 {
		return fmt.Sprintf("node is %s; install Node.js 20 or newer", bytes.TrimSpace(version)), nil
	}
	if workshop.dir, err = os.MkdirTemp("", "weblink-interop-"); err != nil {
		return "", err
	}
	for _, name := range scripts {
		if err := copyTo(workshop.dir, name); err != nil {
			return "", err
		}
	}
	install := exec.Command("npm", "ci", "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	install.Dir = workshop.dir
	if out, err := install.CombinedOutput(); err != nil {
		if unreachable(out) {
			return "npm cannot reach its registry; connect this machine, or point npm at a mirror, so that `npm ci` can fetch socket.io-client", nil
		}
		return "", fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	return "", nil
}

// unreachable reports whether npm failed because there is no network.
func unreachable(out []byte) bool {
	for _, code := range []string{"ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH", "EHOSTUNREACH", "ENOTCACHED"} {
		if bytes.Contains(out, []byte(code)) {
			return true
		}
	}
	return false
}

// copyTo copies a file, or a folder without its folders, of this package.
func copyTo(dir, name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return os.CopyFS(filepath.Join(dir, name), os.DirFS(name))
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name), b, 0o600)
}

// lines splits what a script prints.
func lines(out []byte) []string {
	return strings.FieldsFunc(string(out), func(r rune) bool { return r == '\n' })
}
