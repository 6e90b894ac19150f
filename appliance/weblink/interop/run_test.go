package interop_test

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// result is one line that a script prints: a case, or the count at the end.
type result struct {
	Case  string  `json:"case"`
	Ms    float64 `json:"ms"`
	Error string  `json:"error"` // empty when the case has passed

	Cases int `json:"cases"` // only in the last line
}

// run runs a script of this folder and makes each of its cases a subtest. The
// script must have run at least this many.
func run(t *testing.T, least int, env []string, script string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", append([]string{script}, args...)...)
	cmd.Dir = folder(t)
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	cases, total := 0, -1
	for _, line := range lines(out) {
		var r result
		if e := json.Unmarshal([]byte(line), &r); e != nil {
			t.Errorf("%s printed %q: %v", script, line, e)
			continue
		}
		if r.Case == "" {
			total = r.Cases
			continue
		}
		cases++
		t.Run(r.Case, func(t *testing.T) {
			t.Logf("%.0f ms", r.Ms)
			if r.Error != "" {
				t.Error(r.Error)
			}
		})
	}
	if err != nil && !t.Failed() {
		t.Errorf("%s: %v", script, err)
	}
	if t.Failed() && stderr.Len() > 0 {
		t.Logf("%s wrote:\n%s", script, &stderr)
	}
	if cases != total || cases < least {
		t.Errorf("%s reported %d of %d cases, want at least %d", script, cases, total, least)
	}
}

// trust is the environment in which Node trusts the certificate of server.
func trust(t *testing.T, server *httptest.Server) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"NODE_EXTRA_CA_CERTS=" + file}
}
