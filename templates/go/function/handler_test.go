package function

import (
	"net/http/httptest"
	"strings"
	"testing"
)

func TestSaysHelloAndGivesBackWhatItReceived(t *testing.T) {
	answer := httptest.NewRecorder()
	Handle(answer, httptest.NewRequest("POST", "/", strings.NewReader("hi")))
	expected := `{"message":"Hello from Go","method":"POST","received":"hi"}` + "\n"
	if answer.Code != 200 || answer.Body.String() != expected {
		t.Errorf("%d %s instead of 200 %s", answer.Code, answer.Body, expected)
	}
}
