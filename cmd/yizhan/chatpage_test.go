package main_test

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// site is the address of the node's chat.
func (n *node) site() string {
	return "https://" + strings.Replace(n.https, "127.0.0.1", "localhost", 1) + "/"
}

// signIn opens the chat in a new tab and signs in as a demo user.
func (b *browser) signIn(n *node, account string) *tab {
	b.t.Helper()
	tb := b.tab(account, n.site())
	tb.click("[data-account=" + account + "]")
	tb.online()
	return tb
}

func (tb *tab) online() {
	tb.t.Helper()
	tb.waitFor("being online", `document.querySelector(".app[data-state=connected]")`)
}

// open shows a chat as a click on the list would.
func (tb *tab) open(kind, name string) {
	tb.t.Helper()
	tb.eval(fmt.Sprintf("location.hash = %q", "#/"+kind+"/"+name))
	tb.waitFor("the open "+kind, `document.querySelector(".composer-input")`)
}

// sees waits for a message with exactly this text.
func (tb *tab) sees(text string) {
	tb.t.Helper()
	tb.waitFor(fmt.Sprintf("the message %q", text),
		fmt.Sprintf(`[...document.querySelectorAll(".line .text")].some(e => e.textContent === %s)`, strconv.Quote(text)))
}

// notes waits for a line that is no message, such as that one was recalled.
func (tb *tab) notes(text string) {
	tb.t.Helper()
	tb.waitFor(fmt.Sprintf("the note %q", text),
		fmt.Sprintf(`[...document.querySelectorAll(".line.note")].some(e => e.textContent.includes(%q))`, text))
}

// unread waits for a count beside a chat or room in the list; "" is none.
func (tb *tab) unread(name, count string) {
	tb.t.Helper()
	tb.waitFor(fmt.Sprintf("%q unread beside %s", count, name), fmt.Sprintf(
		`(document.querySelector("a[data-peer=%s] .badge")?.firstChild.textContent ?? "") === %q`, name, count))
}

// marked waits for the mark of one's own message.
func (tb *tab) marked(text, mark string) {
	tb.t.Helper()
	tb.waitFor(fmt.Sprintf("%q marked %s", text, mark), fmt.Sprintf(
		`[...document.querySelectorAll(".line.own")].some(e => e.querySelector(".text")?.textContent === %s && e.querySelector(".mark-%s"))`,
		strconv.Quote(text), mark))
}

// looks sets the size of the page, in CSS pixels, and its colours.
func (tb *tab) looks(width, height int64, scheme string) {
	tb.t.Helper()
	tb.run(chromedp.EmulateViewport(width, height))
	call(tb, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
}

func TestTwoTabsChat(t *testing.T) {
	n := newNode(t).start()
	b := newBrowser(t)
	alice, bob := b.signIn(n, "alice"), b.signIn(n, "bob")
	for _, tb := range []*tab{alice, bob} {
		tb.looks(1180, 740, "light")
	}

	alice.front().open("chat", "bob")
	alice.say("hello bob")
	alice.marked("hello bob", "sent")
	bob.front().unread("alice", "1")
	bob.shot("unread")
	bob.click("a[data-peer=alice]")
	bob.sees("hello bob")
	bob.unread("alice", "")
	alice.marked("hello bob", "read")

	bob.say("hi alice, 今天天气真好")
	bob.say("🎉")
	alice.sees("hi alice, 今天天气真好")
	alice.sees("🎉")
	// Alice's tab is behind bob's: she has not seen it yet, open or not.
	alice.unread("bob", "2")
	bob.marked("🎉", "sent")
	alice.front().unread("bob", "")
	bob.marked("🎉", "read")
	if title := alice.eval("document.title"); title != "Yizhan" {
		t.Errorf("with nothing unread the title is %q", title)
	}

	// Markup stays text, wherever it is shown.
	attack := `<img src=x onerror="alert(1)"><script>alert(2)</script>`
	bob.front().say(attack)
	alice.sees(attack)
	alice.waitFor("it in the list", fmt.Sprintf(`document.querySelector("a[data-peer=bob] .list-text").textContent === %s`, strconv.Quote(attack)))
	if got := alice.eval(`document.querySelectorAll(".line img, .line script, .list img, .list script").length`); got != "0" {
		t.Errorf("markup became %s elements", got)
	}
	bob.say("the manual: https://example.com/?a=1&b=2.")
	alice.waitFor("a link", `document.querySelector(".line a")?.href === "https://example.com/?a=1&b=2"`)

	alice.front().say("this was a mistake")
	bob.sees("this was a mistake")
	alice.click(".line.own:last-child .bubble")
	alice.click(".line.own:last-child [data-action=recall]")
	alice.notes("You recalled a message")
	bob.notes("Alice recalled a message")
	alice.shot("wide light")
	alice.looks(1180, 740, "dark")
	alice.shot("wide dark")

	// A refresh keeps the session, the open chat and its messages.
	alice.run(chromedp.Reload())
	alice.online()
	alice.sees("hello bob")
	alice.notes("You recalled a message")
	alice.marked("hello bob", "read")
}

func TestTheChatReadsHistory(t *testing.T) {
	n := newNode(t).start()
	if out, err := n.yizhan("tenant", "set", n.demo().AppKey, "--api-per-second", "1000", "--address", n.admin); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for i := range 120 {
		answer := n.call("msg/sendMsg.action", url.Values{"from": {"carol"}, "ope": {"0"}, "to": {"bob"}, "type": {"0"},
			"body": {fmt.Sprintf(`{"msg":"message %d"}`, i+1)}})
		if answer["code"] != 200.0 {
			t.Fatalf("seeding: %v", answer)
		}
	}
	bob := newBrowser(t).signIn(n, "bob")
	bob.looks(1000, 700, "light")
	bob.unread("carol", "99+")
	if title := bob.eval("document.title"); title != "(120) Yizhan" {
		t.Errorf("with 120 unread the title is %q", title)
	}
	bob.click("a[data-peer=carol]")
	// It opens where the unread ones that are loaded begin; the end is further down.
	bob.waitFor("the separator", `document.querySelector(".log-new")`)
	bob.unread("carol", "99+")
	bob.click(".jump")
	bob.sees("message 120")
	bob.unread("carol", "")
	bob.shot("end")

	bob.run(chromedp.Reload())
	bob.online()
	bob.sees("message 120")
	// Opened again it is at the end, with the newest page only.
	if got := bob.eval(`document.querySelector(".line .text").textContent`); got != "message 71" {
		t.Errorf("the first message of the newest page is %q", got)
	}
	// Scrolling up loads what is older; what one reads stays where it is.
	place := `(() => {
		const line = [...document.querySelectorAll(".line")].find(e => e.querySelector(".text")?.textContent === "message 71");
		return Math.round(line.getBoundingClientRect().top);
	})()`
	before := bob.eval(`(() => { document.querySelector(".log-scroll").scrollTop = 100; return ` + place + `; })()`)
	bob.sees("message 21")
	if after := bob.eval(place); after != before {
		t.Errorf("message 71 was at %s pixels, and after loading is at %s", before, after)
	}
	bob.eval(`document.querySelector(".log-scroll").scrollTop = 0`)
	bob.sees("message 1")
	bob.waitFor("the beginning", `document.querySelector(".log-top").textContent.includes("begins")`)
	bob.eval(`document.querySelector(".log-scroll").scrollTop = 0`)
	bob.shot("beginning")
	got := bob.eval(`[...document.querySelectorAll(".line .text")].map(e => e.textContent.slice(8)).join(" ")`)
	want := make([]string, 120)
	for i := range want {
		want[i] = strconv.Itoa(i + 1)
	}
	if got != strings.Join(want, " ") {
		t.Errorf("the messages are %s", got)
	}
	// Who reads what is old is not moved by what is new.
	n.call("msg/sendMsg.action", url.Values{"from": {"carol"}, "ope": {"0"}, "to": {"bob"}, "type": {"0"}, "body": {`{"msg":"news"}`}})
	bob.sees("news")
	bob.unread("carol", "1")
	if top := bob.eval(`document.querySelector(".log-scroll").scrollTop`); top != "0" {
		t.Errorf("a new message has scrolled the reader to %s", top)
	}
	bob.click(".jump")
	bob.unread("carol", "")
}

// TestTheChatReconnects kills the node with SIGKILL under two open tabs.
func TestTheChatReconnects(t *testing.T) {
	n := newNode(t).start()
	b := newBrowser(t)
	alice, bob := b.signIn(n, "alice"), b.signIn(n, "bob")
	bob.looks(1000, 700, "dark")
	alice.open("chat", "bob")
	bob.front().open("chat", "alice")
	bob.say("before")
	alice.sees("before")

	n.kill()
	banner := `!document.querySelector(".banner").hidden`
	alice.waitFor("the banner", banner)
	bob.waitFor("the banner", banner)
	bob.say("written without a node")
	bob.marked("written without a node", "sending")
	bob.shot("offline")

	n.start()
	carol := n.device("carol").connect()
	carol.send("alice", "sent while the tabs were away")
	for _, tb := range []*tab{alice, bob} {
		tb.waitFor("the banner to go", `document.querySelector(".banner").hidden`)
		tb.online()
	}
	alice.sees("written without a node")
	bob.waitFor("it sent", `[...document.querySelectorAll(".mark-sent, .mark-read")].length === 2`)
	alice.unread("carol", "1")
	alice.front().click("a[data-peer=carol]")
	alice.sees("sent while the tabs were away")
}

func TestTheChatEntersRooms(t *testing.T) {
	n := newNode(t).start()
	b := newBrowser(t)
	alice, bob := b.signIn(n, "alice"), b.signIn(n, "bob")
	alice.looks(1000, 700, "light")

	inRoom := `document.querySelector(".main-title p")?.textContent.startsWith("In the room")`
	for _, tb := range []*tab{alice, bob} {
		tb.front().click(`[aria-label="New chat or room"]`)
		tb.click(".dialog input[name=room]")
		tb.typeText("大厅")
		tb.press(kb.Enter)
		tb.waitFor("being in the room", inRoom)
	}
	bob.say("anybody here?")
	bob.marked("anybody here?", "sent")
	alice.sees("anybody here?")
	alice.unread("大厅", "1")
	alice.front().unread("大厅", "")
	alice.say("me 🙋")
	bob.sees("me 🙋")
	alice.shot("room")
	if got := bob.eval(`document.querySelectorAll(".line").length`); got != "2" {
		t.Errorf("bob sees %s lines, want 2", got)
	}

	// After a refresh the tab is in the room again, which has no history.
	alice.run(chromedp.Reload())
	alice.waitFor("being in the room again", inRoom)
	bob.front().say("welcome back")
	alice.sees("welcome back")

	alice.front().click(`[aria-label="Leave the room"]`)
	alice.waitFor("the room gone", `document.querySelector(".app[data-view=list]") && !document.querySelector("a[data-peer=大厅]")`)
	bob.front().say("alone")
	bob.marked("alone", "sent")
	if got := alice.eval(`document.body.innerText.includes("alone")`); got != "false" {
		t.Error("who left the room hears it")
	}
}
