package lbs

import (
	"slices"
	"strings"
	"testing"
)

func TestValidateSaysWhatIsWrong(t *testing.T) {
	for _, test := range []struct {
		point AccessPoint
		want  string // in the error; "" is valid
	}{
		{AccessPoint{Transport: "link", Address: "im.example.com:7400"}, ""},
		{AccessPoint{Transport: "weblink", Address: "203.0.113.7:443", Env: "gray-1"}, ""},
		{AccessPoint{Transport: "link", Address: "[2001:db8::1]:7400"}, ""},
		{AccessPoint{Transport: "link", Address: ":7400"}, ""},
		{AccessPoint{Transport: "link", Address: "node_1.internal.:7400"}, ""},

		{AccessPoint{Transport: "tcp", Address: "a:1"}, "unknown transport"},
		{AccessPoint{Address: "a:1"}, "unknown transport"},
		{AccessPoint{Transport: "link", Address: "im.example.com"}, "host:port"},
		{AccessPoint{Transport: "link", Address: "2001:db8::1:7400"}, "host:port"},
		{AccessPoint{Transport: "link", Address: ""}, "host:port"},
		{AccessPoint{Transport: "link", Address: "a:0"}, "port"},
		{AccessPoint{Transport: "link", Address: "a:65536"}, "port"},
		{AccessPoint{Transport: "link", Address: "a:"}, "port"},
		{AccessPoint{Transport: "link", Address: "a:+1"}, "port"},
		{AccessPoint{Transport: "link", Address: "0.0.0.0:7400"}, "leave the host empty"},
		{AccessPoint{Transport: "link", Address: "[::]:7400"}, "leave the host empty"},
		{AccessPoint{Transport: "link", Address: "-bad-:7400"}, "host name"},
		{AccessPoint{Transport: "link", Address: "http://a:7400"}, "host:port"},
		{AccessPoint{Transport: "link", Address: "a b:7400"}, "host name"},
		{AccessPoint{Transport: "link", Address: strings.Repeat("a.", 127) + "a:7400"}, "host name"},
		{AccessPoint{Transport: "link", Address: "a:1", Env: "a b"}, "env"},
		{AccessPoint{Transport: "link", Address: "a:1", Env: strings.Repeat("e", 33)}, "env"},
	} {
		err := Validate([]AccessPoint{test.point})
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%+v: %v", test.point, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%+v: error %v, want one about %q", test.point, err, test.want)
		}
	}
}

func TestValidateRefusesTooManyAndTwice(t *testing.T) {
	point := AccessPoint{Transport: "link", Address: "a:1"}
	if err := Validate([]AccessPoint{point, point}); err == nil {
		t.Error("the same access point twice is valid")
	}
	if err := Validate(make([]AccessPoint, MaxAccessPoints+1)); err == nil {
		t.Error("any number of access points is valid")
	}
	if err := Validate(nil); err != nil {
		t.Errorf("no access points: %v", err)
	}
}

func TestChooseFiltersAndKeepsTheOrder(t *testing.T) {
	points := []AccessPoint{
		{Transport: "link", Address: "b:1"},
		{Transport: "weblink", Address: ":2"},
		{Transport: "link", Address: "a:3"},
		{Transport: "link", Address: "g:4", Env: "gray"},
	}
	for _, test := range []struct {
		env, transport, host string
		want                 []string
	}{
		{"", "", "lbs.example.com", []string{"b:1", "lbs.example.com:2", "a:3"}},
		{"", "link", "lbs.example.com", []string{"b:1", "a:3"}},
		{"", "weblink", "2001:db8::1", []string{"[2001:db8::1]:2"}},
		{"", "weblink", "", nil},
		{"gray", "", "lbs.example.com", []string{"g:4"}},
		{"gray", "weblink", "lbs.example.com", nil},
		{"nobody", "", "lbs.example.com", nil},
	} {
		var got []string
		for _, p := range choose(points, test.env, test.transport, test.host) {
			got = append(got, p.Address)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("choose(env %q, transport %q, host %q) = %v, want %v", test.env, test.transport, test.host, got, test.want)
		}
	}
	if points[1].Address != ":2" {
		t.Error("choose changed the configuration")
	}
}

func TestHostOfUnderstandsHostHeaders(t *testing.T) {
	for header, want := range map[string]string{
		"im.example.com":      "im.example.com",
		"im.example.com:8443": "im.example.com",
		"203.0.113.7":         "203.0.113.7",
		"203.0.113.7:80":      "203.0.113.7",
		"[2001:db8::1]":       "2001:db8::1",
		"[2001:db8::1]:443":   "2001:db8::1",
		"":                    "",
		"a b":                 "",
		"evil\"host":          "",
		"0.0.0.0":             "",
		"[::1":                "::1",
	} {
		if got := hostOf(header); got != want {
			t.Errorf("hostOf(%q) = %q, want %q", header, got, want)
		}
	}
}
