package faults
import ("testing";"fmt";"time";"os")
func TestDebug(t *testing.T){
	var d Driver; var f Fault
	for _,x:=range Drivers(){ if x.Name==os.Getenv("D"){d=x}}
	for _,x:=range Faults(){ if x.Name==os.Getenv("F"){f=x}}
	site,err:=NewSite(d.Kind); if err!=nil{t.Fatal(err)}
	defer site.Close()
	r:=&run{site:site,driver:d,fault:f,options:Options{Length:5*time.Second,ProbeInterval:func() time.Duration{d,_:=time.ParseDuration(os.Getenv("P"));return d}()}}
	o,err:=r.do(t.Context())
	fmt.Println(o.row(),err); for i,v:=range o.Violations{ if i<15 {fmt.Println("VIOLATION",v)}}; fmt.Println(len(o.Violations))
	b:=map[message]time.Time{}
	for _,e:=range r.journal.all(){
		switch e.Kind{
		case sending: b[e.Message]=e.At
		case sent: if d:=e.At.Sub(b[e.Message]); os.Getenv("S")!=""&&(d>300*time.Millisecond||e.Text!=""){fmt.Println(e.Message,d,e.Receipt,e.Text, clock(b[e.Message]))}
		case readied: fmt.Println(clock(e.At),e.Place,e.Text)
		case gapped: fmt.Println(clock(e.At),e.Place,e.Gap)
		}
	}
	fmt.Println(clock(r.began),clock(r.ended))
}
