// A client made with aXMLRPC.

import de.timroes.axmlrpc.XMLRPCClient;
import de.timroes.axmlrpc.XMLRPCException;
import de.timroes.axmlrpc.XMLRPCServerException;
import java.io.PrintStream;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Date;
import java.util.GregorianCalendar;
import java.util.Map;

class Interop {
	private static final PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
	private final XMLRPCClient client;

	Interop(String url) throws Exception {
		// Without these flags it neither sends nor reads <i8> and <nil/>.
		client = new XMLRPCClient(new URL(url), XMLRPCClient.FLAGS_8BYTE_INT | XMLRPCClient.FLAGS_NIL);
	}

	/** Sends a value and takes it back. */
	void check(String name, Object value) {
		call(name, value, "see", name, value);
	}

	void call(String name, Object want, String method, Object... args) {
		try {
			Object answer = client.call(method, args);
			if (Arrays.deepEquals(plain(answer), plain(want))) {
				out.println(name + "\tok");
			} else {
				line(name, "got", show(answer), 80);
			}
		} catch (XMLRPCException e) {
			line(name, "error", String.valueOf(e.getMessage()), 120);
		}
	}

	void fault() {
		try {
			line("fault", "got", show(client.call("refuse", "please")), 80);
		} catch (XMLRPCServerException e) {
			if (e.getErrorNr() == 42 && e.getMessage().equals("no <luck> & more [42]")) { // it adds the code to the text
				out.println("fault\tok");
			} else {
				line("fault", "got", e.getErrorNr() + " " + e.getMessage(), 80);
			}
		} catch (XMLRPCException e) {
			line("fault", "error", String.valueOf(e.getMessage()), 120);
		}
	}

	/** Wraps a value in an array, and maps in it become arrays that deepEquals looks into. */
	private static Object[] plain(Object v) {
		if (v instanceof Object[] list) {
			return Arrays.stream(list).map(Interop::plain).toArray();
		}
		if (v instanceof Map<?, ?> map) {
			return map.entrySet().stream()
				.sorted((a, b) -> ((String) a.getKey()).compareTo((String) b.getKey()))
				.map(e -> new Object[] {e.getKey(), plain(e.getValue())})
				.toArray();
		}
		return new Object[] {v};
	}

	private static String show(Object v) {
		return Arrays.deepToString(plain(v));
	}

	private static void line(String name, String outcome, String text, int most) {
		text = text.replaceAll("\\s", " ");
		int end = text.offsetByCodePoints(0, Math.min(most, text.codePointCount(0, text.length())));
		out.println(name + "\t" + outcome + "\t" + text.substring(0, end));
	}

	public static void main(String[] args) throws Exception {
		Interop t = new Interop(args[0]);
		byte[] binary = new byte[300];
		for (int i = 0; i < binary.length; i++) {
			binary[i] = (byte) i;
		}
		Date leap = new GregorianCalendar(2024, 1, 29, 13, 45, 6).getTime(); // months count from 0

		t.check("int-max", 2147483647);
		t.check("int-min", -2147483648);
		t.check("i8", 1099511627776L);
		t.check("double", 1e300);
		t.check("fraction", 0.1);
		t.check("unicode", "Grüße <b>&amp;</b> \"x\" 'y' ]]> 世界 🌍");
		t.check("spaces", " two  spaces, line\nand\ttab ");
		t.check("empty", "");
		t.check("true", true);
		t.check("false", false);
		t.check("nil", null);
		t.check("date", leap);
		t.check("binary", binary);
		t.check("nested", Map.of(
			"list", new Object[] {1, new Object[] {2, "three"}, Map.of("four", 4.5)},
			"none", new Object[] {},
			"empty", Map.of()));
		t.call("none", "nothing", "nothing");
		t.fault();
	}
}
