package main_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// makeTeam makes a team in the dialog and returns its number.
func (tb *tab) makeTeam(name, members string) string {
	tb.t.Helper()
	tb.click(`[aria-label="New chat or room"]`)
	tb.click("dialog [name=team]")
	tb.typeText(name)
	tb.click("dialog [name=members]")
	tb.typeText(members)
	tb.eval(`document.querySelector("dialog [name=team]").form.requestSubmit()`)
	tb.waitFor("the open team", `location.hash.startsWith("#/team/") && document.querySelector(".composer-input")`)
	return strings.TrimPrefix(tb.eval("location.hash"), "#/team/")
}

// act clicks a button of the newest message with this text.
func (tb *tab) act(text, selector string) {
	tb.t.Helper()
	line := fmt.Sprintf(`[...document.querySelectorAll(".line")].findLast(e => e.querySelector(".bubble > .text")?.textContent === %s)`, strconv.Quote(text))
	tb.waitFor("a button "+selector, fmt.Sprintf("%s?.querySelector(%q)", line, selector))
	tb.eval(fmt.Sprintf("%s.querySelector(%q).click()", line, selector))
}

// sendPicture chooses a picture that the page draws itself.
func (tb *tab) sendPicture(name string, width, height int) {
	tb.t.Helper()
	tb.eval(fmt.Sprintf(`(async () => {
		const canvas = Object.assign(document.createElement("canvas"), {width: %d, height: %d});
		const draw = canvas.getContext("2d");
		const colors = draw.createLinearGradient(0, 0, canvas.width, canvas.height);
		colors.addColorStop(0, "#1c6b5a");
		colors.addColorStop(1, "#f0b23a");
		draw.fillStyle = colors;
		draw.fillRect(0, 0, canvas.width, canvas.height);
		const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
		const files = new DataTransfer();
		files.items.add(new File([blob], %s, {type: "image/png"}));
		const chooser = document.querySelector(".composer-file");
		chooser.files = files.files;
		chooser.dispatchEvent(new Event("change"));
	})()`, width, height, strconv.Quote(name)))
}

func TestTheChatShowsTeamsReactionsAndImages(t *testing.T) {
	n := newNode(t).start()
	b := newBrowser(t)
	alice, bob := b.signIn(n, "alice"), b.signIn(n, "bob")
	for _, tb := range []*tab{alice, bob} {
		tb.looks(1180, 820, "light")
	}
	attack := `<img src=x onerror="alert(1)">`
	id := alice.front().makeTeam("Lunch "+attack, "bob, carol, nobody")
	alice.notes("Alice created the team with Bob, Carol")
	alice.say("Where do we go on Friday?")
	bob.front().unread("'"+id+"'", "1")
	bob.click(fmt.Sprintf("a[data-peer=%q]", id))
	bob.sees("Where do we go on Friday?")
	bob.waitFor("who wrote it", `document.querySelector(".sender")?.textContent === "Alice"`)
	bob.waitFor("how many they are", `document.querySelector(".main-title p")?.textContent === "3 members"`)

	// An answer shows what it answers, a reaction how many gave it.
	bob.act("Where do we go on Friday?", "[data-action=reply]")
	bob.say("The noodle place " + attack)
	alice.front().sees("The noodle place " + attack)
	alice.waitFor("the quote", `document.querySelector(".bubble .quote-text")?.textContent === "Where do we go on Friday?"`)
	reacted := func(tb *tab, text, want string) {
		t.Helper()
		tb.waitFor("the reactions "+want, fmt.Sprintf(
			`[...document.querySelectorAll(".line")].some(e => e.querySelector(".bubble > .text")?.textContent === %s && [...e.querySelectorAll(".reaction")].map(r => r.textContent).join() === %q)`,
			strconv.Quote(text), want))
	}
	alice.act("The noodle place "+attack, `[data-action=react]`)
	alice.act("The noodle place "+attack, `[data-emoji="🎉"]`)
	reacted(bob, "The noodle place "+attack, "🎉1")
	bob.front().act("The noodle place "+attack, ".reaction")
	reacted(alice, "The noodle place "+attack, "🎉2")
	bob.act("Where do we go on Friday?", `[data-action=react]`)
	bob.act("Where do we go on Friday?", `[data-emoji="👍"]`)
	reacted(alice, "Where do we go on Friday?", "👍1")
	alice.front().act("The noodle place "+attack, ".reaction")
	reacted(bob, "The noodle place "+attack, "🎉1")

	// An image is uploaded, sent, and shown by a link; its name is text.
	alice.sendPicture(`map "><img src=x onerror=alert(1)>.png`, 640, 400)
	shown := `[...document.querySelectorAll(".line img.image")].some(e => e.naturalWidth > 0)`
	bob.front().waitFor("the image", shown)
	alice.front().waitFor("the image", shown)
	if got := alice.eval(`document.querySelector("img.image").alt`); !strings.Contains(got, "map") {
		t.Errorf("the image is called %q", got)
	}
	alice.say("See you there")
	alice.shot("wide light")
	bob.front().looks(390, 760, "dark")
	bob.sees("See you there")
	bob.shot("phone dark")
	for _, tb := range []*tab{alice, bob} {
		if got := tb.eval(`document.querySelectorAll("img:not(.image), .line script, .list script").length`); got != "0" {
			t.Errorf("%s: markup became %s elements", tb.name, got)
		}
	}

	// A refresh shows the same, from what the browser keeps.
	alice.front().eval("location.reload()")
	alice.online()
	reacted(alice, "The noodle place "+attack, "🎉1")
	alice.waitFor("the image", shown)
}
