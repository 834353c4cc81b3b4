#include "doctor/personal_data.h"

#include <gtest/gtest.h>

#include "doctor/support.h"

namespace keel {
namespace {

std::string masked(const std::string& text) { return mask_personal_data(text); }

TEST(PersonalData, Emails) {
  EXPECT_EQ(masked("write to a.b+c@example.co.uk."), "write to [email].");
  EXPECT_EQ(masked("邮箱：zhang@qq.com，谢谢"), "邮箱：[email]，谢谢");
  for (const char* other : {"@someone", "a@b", "x@1.2", "5 @ 3.00 each", "user@host"})
    EXPECT_EQ(masked(other), other);
}

TEST(PersonalData, Phones) {
  EXPECT_EQ(masked("电话13812345678，"), "电话[phone]，");
  EXPECT_EQ(masked("138-1234-5678"), "[phone]");
  EXPECT_EQ(masked("8613812345678"), "[phone]");
  EXPECT_EQ(masked("010-62345678 or 0755-8234567"), "[phone] or [phone]");
  EXPECT_EQ(masked("call +49 30 1234567 now"), "call [phone] now");
  EXPECT_EQ(masked("call 1-800-555-0199 or (212) 555-0123 or 212.555.0123"),
            "call [phone] or ([phone] or [phone]");
  for (const char* other :
       {"12812345678", "1381234567", "138123456789", "3.14159265358", "2010-12-31", "123-456-7890",
        "id A13812345678", "555 123 4567", "v1.800.555.0199.2", "+ 5", "+12 mg"})
    EXPECT_EQ(masked(other), other);
}

TEST(PersonalData, ChineseIdentityNumbers) {
  // The example number of the standard's public descriptions: 11010519491231002X.
  EXPECT_EQ(masked("身份证11010519491231002X。"), "身份证[id]。");
  EXPECT_EQ(masked("110105194912310021"), "110105194912310021");  // wrong check character
  EXPECT_EQ(masked("11010519491331002X"), "11010519491331002X");  // month 13
  EXPECT_EQ(masked("A11010519491231002X"), "A11010519491231002X");
}

TEST(PersonalData, Cards) {
  EXPECT_EQ(masked("4111 1111 1111 1111"), "[card]");
  EXPECT_EQ(masked("pay with 5555555555554444!"), "pay with [card]!");
  EXPECT_EQ(masked("3782-822463-10005"), "[card]");
  for (const char* other : {"4111 1111 1111 1112", "4444444444444444", "9780306406157", "0000000000000000"})
    EXPECT_EQ(masked(other), other);
}

TEST(PersonalData, IsCountedWithoutValues) {
  const Diagnosis d = diagnose(test::subject_of(
      {{"mail a@b.org and c@d.org", "ok then, I will do that"}, {"call 13812345678", "fine, I will call"}}));
  const Finding* mail = test::find(d, "personal_email");
  ASSERT_NE(mail, nullptr);
  EXPECT_EQ(mail->count, 2);
  EXPECT_EQ(mail->text, "2 e-mail addresses in 1 row (50.0 %), judged by form.");
  const Finding* phone = test::find(d, "personal_phone");
  ASSERT_NE(phone, nullptr);
  EXPECT_EQ(phone->places, std::vector<std::string>{"rows.jsonl:2"});
  EXPECT_EQ(to_json(d).dump().find("13812345678"), std::string::npos);
}

}  // namespace
}  // namespace keel
